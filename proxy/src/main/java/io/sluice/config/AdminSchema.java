package io.sluice.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.toUnmodifiableMap;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Tls;
import io.sluice.config.SluiceConfig.Token;
import java.net.InetSocketAddress;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The keys of {@code admin}: where the API listens, and to whom. */
final class AdminSchema {
  private static final String LISTEN = "127.0.0.1:9901";
  private static final Set<String> ROLES = Set.of("viewer", "admin");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@-]{0,62}");
  private static final Pattern SHA256 = Pattern.compile("[0-9A-Fa-f]{64}");

  /** Hashes of what is tried first, with and without the line end that echo adds. */
  private static final Map<String, String> GUESSED =
      Stream.of("", "admin", "changeme", "password", "secret", "sluice", "test", "token")
          .flatMap(word -> Stream.of(word, word + "\n"))
          .collect(toUnmodifiableMap(AdminSchema::sha256, String::strip));

  private AdminSchema() {}

  static Admin read(Cursor in) {
    Value at = in.value("listen");
    InetSocketAddress listen =
        at == null ? Endpoint.parse(in.preset("listen", LISTEN), 0) : at.address(0);
    List<Token> tokens = tokens(in);
    Optional<Tls> tls = in.has("tls") ? in.section("tls", AdminSchema::tls) : Optional.empty();
    if (at != null && listen != null && isOpen(listen, tokens, tls)) {
      at.problem(
          "is no loopback address, so it needs tokens or tls.client-ca, or whoever reaches it may"
              + " change everything: `./sluice token` makes a token; or use 127.0.0.1 or [::1]");
    }
    return new Admin(listen == null ? Cursor.NOWHERE : listen, tokens, tls, stateFile(in));
  }

  private static boolean isOpen(InetSocketAddress listen, List<Token> tokens, Optional<Tls> tls) {
    return !listen.getAddress().isLoopbackAddress()
        && tokens.isEmpty()
        && tls.flatMap(Tls::clientCa).isEmpty();
  }

  /** One that is wrong stands for itself, so that nothing is said of there being none. */
  private static List<Token> tokens(Cursor in) {
    Value value = in.value("tokens");
    List<Value> elements = value == null ? in.preset("tokens", List.of()) : value.elements();
    Map<String, Spot> names = new HashMap<>();
    Map<String, Spot> hashes = new HashMap<>();
    List<Token> tokens = new ArrayList<>();
    for (Value element : elements == null ? List.<Value>of() : elements) {
      tokens.add(element.section(token -> token(token, names, hashes)));
    }
    return List.copyOf(tokens);
  }

  private static Token token(Cursor in, Map<String, Spot> names, Map<String, Spot> hashes) {
    Value named = in.required("name", "name = ops");
    String name = named == null ? null : named.text();
    if (named != null && name != null) {
      if (!NAME.matcher(name).matches()) {
        named.problem(
            "a name starts with a letter or digit, goes on with these or . _ @ - and has at most"
                + " 63");
      }
      unique(names, name, named, named.shown() + " is the name");
    }
    Value hashed = in.required("sha256", "sha256 = \"...\", which `./sluice token` prints");
    String hash = hashed == null ? null : hashed.secret();
    if (hashed != null && hash != null) {
      hash = hash.toLowerCase(Locale.ROOT);
      check(hashed, hash);
      unique(hashes, hash, hashed, "the hash");
    }
    String role = in.word("role", "viewer", ROLES, Set.of());
    return new Token(name == null ? "" : name, hash == null ? "" : hash, role(role));
  }

  private static void check(Value hashed, String hash) {
    String guessed = GUESSED.get(hash);
    if (!SHA256.matcher(hash).matches()) {
      hashed.problem(
          "must be the SHA-256 of the token, 64 hexadecimal digits; `./sluice token` prints one");
    } else if (guessed != null) {
      hashed.problem(
          "is the hash of "
              + (guessed.isEmpty() ? "nothing" : "'" + guessed + "'")
              + ", which is guessed at once: `./sluice token` makes a token that is not");
    }
  }

  private static void unique(Map<String, Spot> taken, String key, Value at, String what) {
    Spot first = taken.putIfAbsent(key, at.spot());
    if (first != null) {
      at.problem(what + " of " + first.path() + ", too: each token has its own");
    }
  }

  /** Whether it can be written is seen when it is. */
  private static Optional<Path> stateFile(Cursor in) {
    return Optional.ofNullable(path(in.value("state-file"), "a file that Sluice may write"));
  }

  /** Whether the files are there is seen at start: the configuration may be another machine's. */
  private static Optional<Tls> tls(Cursor in) {
    Path certificate = pem(in.required("certificate", "certificate = \"/etc/sluice/cert.pem\""));
    Path key = pem(in.required("key", "key = \"/etc/sluice/key.pem\""));
    Optional<Path> clientCa = Optional.ofNullable(pem(in.value("client-ca")));
    Value role = in.value("client-role");
    if (role != null && !in.has("client-ca")) {
      role.problem("is for those with a certificate, and goes with client-ca");
    }
    Role clientRole =
        in.has("client-ca") ? role(in.word("client-role", "viewer", ROLES, Set.of())) : Role.VIEWER;
    return certificate == null || key == null
        ? Optional.empty()
        : Optional.of(new Tls(certificate, key, clientCa, clientRole));
  }

  private static @Nullable Path pem(@Nullable Value value) {
    return path(value, "a PEM file");
  }

  private static @Nullable Path path(@Nullable Value value, String what) {
    String text = value == null ? null : value.text();
    if (value == null || text == null) {
      return null;
    }
    if (text.contains("\n") || text.startsWith("-----BEGIN")) {
      value.problem("must be the path of " + what + ", not what is in one");
      return null;
    }
    try {
      if (!text.isBlank()) {
        return Path.of(text);
      }
    } catch (InvalidPathException e) {
      // as good as blank
    }
    value.problem("must be the path of " + what + ", not " + value.shown());
    return null;
  }

  private static Role role(String word) {
    return Role.valueOf(word.toUpperCase(Locale.ROOT));
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java has it
    }
  }
}
