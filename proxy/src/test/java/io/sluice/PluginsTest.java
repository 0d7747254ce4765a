package io.sluice;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.sluice.affinity.KeyExtractor;
import io.sluice.balance.Balancer;
import io.sluice.config.Check;
import io.sluice.config.ConfigReader;
import io.sluice.config.SluiceConfig;
import io.sluice.filter.DatagramFilter;
import io.sluice.filter.FlowRequest;
import io.sluice.probe.Probes;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Plug-in jars as an author would make them: compiled here, loaded by a class loader of their own.
 */
class PluginsTest {
  private static final Path EXAMPLE =
      Path.of("src/test/plugins/example/com/example/ExamplePlugin.java");

  @TempDir Path folder;

  @Test
  void the_example_jar_brings_a_policy_a_key_and_a_probe_that_work() throws Exception {
    Path jar = jar("example.jar", "com.example.ExamplePlugin", Files.readString(EXAMPLE));
    try (URLClassLoader loader = loader(jar)) {
      Plugins plugins = Plugins.load(loader);

      Balancer first =
          requireNonNull(plugins.balancers().get("first")).over(List.of(member("a"), member("b")));
      assertThat(first.pick(42)).isZero();

      KeyExtractor firstByte = requireNonNull(plugins.keyExtractors().get("first-byte"));
      var client = new InetSocketAddress(InetAddress.getLoopbackAddress(), 7);
      ByteBuf payload = Unpooled.wrappedBuffer(new byte[] {(byte) 0xA5, 1, 2});
      assertThat(firstByte.keyOf(client, payload)).isEqualTo(0xA5);
      assertThat(payload.readableBytes()).isEqualTo(3);

      assertThat(plugins.names().filters())
          .containsExactlyInAnyOrder("dns-queries", "access-list", "rate-limit");
      SluiceConfig config =
          ConfigReader.read(
              "f",
              """
              sluice {
                fronts.f { listen = ["127.0.0.1:0"], pool = p, filters = [ { type = dns-queries } ] }
                pools.p.backends.a.address = "192.0.2.1:53"
              }
              """,
              plugins.names());
      DatagramFilter queriesOnly =
          plugins
              .filters(config.fronts().getFirst())
              .getFirst()
              .factory()
              .open(new FlowRequest("f", client, client, payload, 0));
      assertThat(queriesOnly.onRequest(payload, 0)).isFalse();
      assertThat(queriesOnly.onRequest(Unpooled.wrappedBuffer(new byte[12]), 0)).isTrue();

      assertThat(plugins.names().probes()).contains("neighbour", "dns");
      plugins.probe(new Check.Plain("neighbour")).check(client, Duration.ofSeconds(10));
    }
  }

  @Test
  void the_documentation_shows_the_example_as_it_is() throws Exception {
    String page = Files.readString(Path.of("../docs/plugins.md"));
    String shown = page.substring(page.indexOf("```java") + 8);
    shown = shown.substring(0, shown.indexOf("```"));
    assertThat(Files.readString(EXAMPLE)).endsWith(shown);
  }

  @Test
  void a_name_registered_twice_names_the_plugin_and_its_jar() throws Exception {
    Path one = jar("one.jar", "a.One", registering("a", "One", "to.balancer(\"x\", m -> k -> 0);"));
    Path two = jar("two.jar", "a.Two", registering("a", "Two", "to.balancer(\"x\", m -> k -> 0);"));
    try (URLClassLoader loader = loader(one, two)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll(
              "plug-in a.Two", "two.jar", "balance policy 'x' is registered twice");
    }
  }

  @Test
  void a_probe_may_not_take_the_name_of_a_built_in() throws Exception {
    Path jar = jar("dns.jar", "a.Dns", registering("a", "Dns", "to.probe(\"dns\", (t, d) -> {});"));
    try (URLClassLoader loader = loader(jar)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll("plug-in a.Dns", "probe 'dns' is registered twice");
    }
  }

  @Test
  void a_filter_may_not_take_the_name_of_a_built_in() throws Exception {
    String filter = "to.filter(\"access-list\", r -> io.sluice.filter.Filters.PASS);";
    Path jar = jar("list.jar", "a.List", registering("a", "List", filter));
    try (URLClassLoader loader = loader(jar)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll("plug-in a.List", "filter 'access-list' is registered twice");
    }
  }

  @Test
  void every_built_in_probe_can_be_configured() throws Exception {
    Map<String, String> required = Map.of("udp", "send = \"text:x\"", "radius", "secret = x");
    for (String type : Probes.BUILT_IN) {
      String text =
          """
          sluice {
            fronts.f { listen = ["127.0.0.1:0"], pool = p }
            pools.p { backends.a.address = "192.0.2.1:53", health.probe { type = %s, %s } }
          }
          """
              .formatted(type, required.getOrDefault(type, ""));
      Plugins plugins = Plugins.load(getClass().getClassLoader());
      Check check =
          ConfigReader.read("f", text, plugins.names())
              .pools()
              .getFirst()
              .health()
              .probe()
              .orElseThrow()
              .check();
      assertThat(check.type()).isEqualTo(type);
      assertThat(plugins.probe(check)).isNotNull();
    }
  }

  @Test
  void a_plugin_that_throws_is_named_with_its_jar_and_its_reason() throws Exception {
    Path jar =
        jar(
            "bad.jar",
            "a.Bad",
            registering("a", "Bad", "throw new IllegalStateException(\"no licence\");"));
    try (URLClassLoader loader = loader(jar)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll("plug-in a.Bad", "bad.jar", "no licence", "take it away");
    }
  }

  @Test
  void a_plugin_whose_constructor_throws_is_named_with_the_reason_it_gave() throws Exception {
    String source =
        """
        package a;
        public final class Ctor implements io.sluice.Plugin {
          public Ctor() { throw new IllegalStateException("no device"); }
          @Override public void register(io.sluice.Plugins to) {}
        }
        """;
    Path jar = jar("ctor.jar", "a.Ctor", source);
    try (URLClassLoader loader = loader(jar)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll("plug-in a.Ctor", "ctor.jar", "no device");
    }
  }

  @Test
  void a_jar_that_promises_a_class_it_does_not_hold_is_named() throws Exception {
    Path jar = jar("empty.jar", "a.Missing", registering("a", "Other", ""));
    try (URLClassLoader loader = loader(jar)) {
      assertThatThrownBy(() -> Plugins.load(loader))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll("a.Missing", "empty.jar");
    }
  }

  private static String registering(String inPackage, String name, String statement) {
    return """
    package %s;
    public final class %s implements io.sluice.Plugin {
      @Override public void register(io.sluice.Plugins to) { %s }
    }
    """
        .formatted(inPackage, name, statement);
  }

  private static Balancer.Member member(String name) {
    return new Balancer.Member() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public int weight() {
        return 1;
      }

      @Override
      public int load() {
        return 0;
      }

      @Override
      public long latencyNanos() {
        return 0;
      }
    };
  }

  private static URLClassLoader loader(Path... jars) throws IOException {
    var urls = new URL[jars.length];
    for (int i = 0; i < jars.length; i++) {
      urls[i] = jars[i].toUri().toURL();
    }
    return new URLClassLoader(urls, PluginsTest.class.getClassLoader());
  }

  /**
   * Compiles {@code source} against Sluice and packs it as a plug-in that provides {@code
   * provider}.
   */
  private Path jar(String name, String provider, String source) throws IOException {
    Path classes = Files.createDirectory(folder.resolve(name + ".classes"));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    List<String> options =
        List.of(
            "-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
    assertThat(compiler.getTask(null, null, null, options, null, List.of(file(source))).call())
        .as("the plug-in compiles")
        .isTrue();
    Path jar = folder.resolve(name);
    try (OutputStream out = Files.newOutputStream(jar);
        var packed = new JarOutputStream(out);
        Stream<Path> files = Files.walk(classes)) {
      put(packed, "META-INF/services/io.sluice.Plugin", provider.getBytes(StandardCharsets.UTF_8));
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        put(packed, classes.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    return jar;
  }

  private static void put(JarOutputStream jar, String name, byte[] content) throws IOException {
    jar.putNextEntry(new JarEntry(name));
    jar.write(content);
    jar.closeEntry();
  }

  private static JavaFileObject file(String source) {
    String type = source.replaceFirst("(?s).*?public final class (\\w+).*", "$1");
    return new SimpleJavaFileObject(
        URI.create("source:///" + type + ".java"), JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return source;
      }
    };
  }
}
