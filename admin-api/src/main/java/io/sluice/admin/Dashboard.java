package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.TreeMap;

/**
 * The dashboard's files, read once at start: what is not among them cannot be asked for.
 *
 * <p>Their path holds a digest of them all, so that browsers may keep them for ever; the modules
 * import one another by relative names and so stay within their build.
 */
final class Dashboard {
  private static final List<String> OURS =
      List.of(
          "api.js",
          "app.js",
          "charts.js",
          "dom.js",
          "flows.js",
          "format.js",
          "icon.svg",
          "pools.js",
          "style.css",
          "theme.js",
          "views.js");

  private static final List<String> UPLOTS = List.of("uPlot.esm.js", "uPlot.min.css");

  /** In index.html, where the build's digest goes. */
  private static final String BUILD = "{build}";

  /**
   * Nothing inline and nothing from elsewhere, so that a name that came to be markup would do
   * nothing; and Trusted Types, so that no script can make markup of it at all.
   */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
          + " require-trusted-types-for 'script'; trusted-types 'none'";

  private static final Map<String, String> PAGE_HEADERS =
      Map.of(
          "Content-Security-Policy", POLICY,
          "Cross-Origin-Opener-Policy", "same-origin",
          "Cross-Origin-Resource-Policy", "same-origin",
          "Referrer-Policy", "no-referrer");

  private static final Map<String, String> ASSET_HEADERS =
      Map.of(
          "Cache-Control", "public, max-age=31536000, immutable",
          "Cross-Origin-Resource-Policy", "same-origin");

  private final String build;
  private final Reply page;
  private final Map<String, Reply> assets = new TreeMap<>();

  private Dashboard(String index, Map<String, byte[]> files) {
    build = digest(files);
    page =
        new Reply(
            HttpResponseStatus.OK.code(),
            "text/html; charset=utf-8",
            Buffer.buffer(index.replace(BUILD, build)),
            PAGE_HEADERS);
    files.forEach(
        (name, bytes) ->
            assets.put(
                name,
                new Reply(
                    HttpResponseStatus.OK.code(),
                    type(name),
                    Buffer.buffer(bytes),
                    ASSET_HEADERS)));
  }

  static Dashboard load() {
    Map<String, byte[]> files = new TreeMap<>();
    OURS.forEach(name -> files.put(name, read("/dashboard/" + name)));
    String dist = "/META-INF/resources/webjars/uplot/" + uplot() + "/dist/";
    UPLOTS.forEach(name -> files.put(name, read(dist + name)));
    return new Dashboard(text("/dashboard/index.html"), files);
  }

  Reply page() {
    return page;
  }

  /**
   * @throws Problem when there is no such file, be it that it is another build's
   */
  Reply asset(String build, String name) {
    Reply asset = build.equals(this.build) ? assets.get(name) : null;
    if (asset == null) {
      throw Problem.unknown("file", name, List.copyOf(assets.keySet()));
    }
    return asset;
  }

  private static String type(String name) {
    return switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "js" -> "text/javascript; charset=utf-8";
      case "css" -> "text/css; charset=utf-8";
      case "svg" -> "image/svg+xml";
      default -> throw new IllegalStateException("of what type is " + name + "?");
    };
  }

  /** The version of the jar that is on the class path, which is part of its files' names. */
  private static String uplot() {
    Properties jar = new Properties();
    try {
      jar.load(new StringReader(text("/META-INF/maven/org.webjars.npm/uplot/pom.properties")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return jar.getProperty("version");
  }

  private static String digest(Map<String, byte[]> files) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      files.forEach(
          (name, bytes) -> {
            sha.update(name.getBytes(StandardCharsets.UTF_8));
            sha.update(bytes);
          });
      return HexFormat.of().formatHex(sha.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static String text(String resource) {
    return new String(read(resource), StandardCharsets.UTF_8);
  }

  private static byte[] read(String resource) {
    try (InputStream in = Dashboard.class.getResourceAsStream(resource)) {
      return Objects.requireNonNull(in, resource).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
