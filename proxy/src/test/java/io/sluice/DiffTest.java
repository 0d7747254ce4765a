package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.Document;
import io.sluice.config.SluiceConfig;
import java.lang.reflect.RecordComponent;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is said of the difference between two configurations. */
class DiffTest {
  private static final String WHOLE =
      """
      sluice {
        workers { min = 1, max = 4 }
        fronts { dns {
          listen = ["127.0.0.1:5300", "[::1]:5300"]
          pool = resolvers
          filters = [
            { type = access-list, deny = ["192.0.2.0/24"] }
            { type = rate-limit, per = source-ip, datagrams-per-second = 9 }
          ]
        } }
        pools { resolvers {
          balance { policy = least-load, by = latency }
          backends { a { address = "127.0.0.1:53" }, b { address = "127.0.0.2:53" } }
          source-addresses = ["127.0.0.1"]
          health { probe { type = radius, secret = hush } }
        } }
        admin {
          tokens = [ { name = ops, sha256 = "%s", role = admin } ]
          tls { certificate = "/cert.pem", key = "/key.pem", client-ca = "/ca.pem" }
          state-file = "/state.json"
        }
        access-log { file = "/access.log" }
        echo { one = "127.0.0.1:9101" }
      }
      """
          .formatted("a1".repeat(32));

  /** So nobody adds a key without saying whether it can change under a running appliance. */
  @Test
  void whateverDiffersIsSaid() throws Exception {
    SluiceConfig whole = whole();
    List<SluiceConfig> others = variants(whole).map(SluiceConfig.class::cast).toList();
    assertThat(others).hasSizeGreaterThan(50);
    for (SluiceConfig other : others) {
      assertThat(Diff.between(whole, other).changes()).as("%s", other).isNotEmpty();
      assertThat(Diff.between(other, whole).changes()).as("from %s", other).isNotEmpty();
      assertThat(Diff.between(other, other).changes()).isEmpty();
    }
  }

  @Test
  void changesReadLikeTheConfiguration() throws Exception {
    assertThat(
            changes(
                WHOLE
                    .replace("[\"127.0.0.1:5300\", \"[::1]:5300\"]", "[\"127.0.0.1:5301\"]")
                    .replace("b { address", "weight { address")
                    .replace("\"127.0.0.1:53\" }", "\"127.0.0.1:53\", weight = 3 }")
                    .replace("type = radius", "type = radius, interval = 3s")))
        .containsExactly(
            "fronts.dns.listen: [127.0.0.1:5300, [::1]:5300] -> [127.0.0.1:5301]",
            "pools.resolvers.health.probe: changed",
            "pools.resolvers.backends.a.weight: 1 -> 3",
            "pools.resolvers.backends.b: removed",
            "pools.resolvers.backends.weight: added");
  }

  @Test
  void secretsAreNotShown() throws Exception {
    assertThat(changes(WHOLE.replace("hush", "whisper")))
        .containsExactly("pools.resolvers.health.probe: changed");
  }

  @Test
  void whatTakesARestartIsTold() throws Exception {
    SluiceConfig next =
        parse(
            WHOLE
                .replace("max = 4", "max = 5")
                .replace("9101", "9102")
                .replace("workers", "drain-timeout = 1s, workers"));
    Diff diff = Diff.between(whole(), next);
    assertThat(diff.restarts()).containsExactly("workers.max: 4 -> 5", "echo: changed");
    assertThat(diff.changes())
        .containsExactly("drain-timeout: 10s -> 1s", "workers.max: 4 -> 5", "echo: changed");
  }

  private static List<String> changes(String text) throws Exception {
    return Diff.between(whole(), parse(text)).changes();
  }

  private static SluiceConfig whole() throws Exception {
    return parse(WHOLE);
  }

  private static SluiceConfig parse(String text) throws Exception {
    Plugins plugins = Plugins.load(DiffTest.class.getClassLoader());
    return Document.parse("test", text, plugins.names(), Optional.empty()).config();
  }

  /** Each differs from it in one place, however deep. */
  private static Stream<Object> variants(Object value) {
    return switch (value) {
      case Record whole -> variantsOfRecord(whole);
      case Integer n -> Stream.of(n + 1);
      case Long n -> Stream.of(n + 1);
      case Double x -> Stream.of(x / 2);
      case Boolean flag -> Stream.of(!flag);
      case String text -> Stream.of(text + "x");
      case Duration duration -> Stream.of(duration.plusSeconds(1));
      case Path path -> Stream.of(path.resolveSibling("other"));
      case InetAddress _ -> Stream.of(InetAddress.ofLiteral("127.0.0.9"));
      case InetSocketAddress at ->
          Stream.of(new InetSocketAddress(at.getAddress(), at.getPort() + 1));
      case Enum<?> word ->
          Arrays.stream(word.getDeclaringClass().getEnumConstants())
              .map(Object.class::cast)
              .filter(other -> other != word);
      case Optional<?> optional ->
          optional.isEmpty()
              ? Stream.of()
              : Stream.concat(
                  Stream.of(Optional.empty()), variants(optional.get()).map(Optional::of));
      case List<?> list -> variantsOfList(list);
      default -> throw new AssertionError("of what type is " + value + "?");
    };
  }

  private static Stream<Object> variantsOfList(List<?> list) {
    List<Object> variants = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      List<Object> shorter = new ArrayList<>(list);
      shorter.remove(i);
      variants.add(shorter);
      int at = i;
      variants(list.get(i))
          .forEach(
              variant -> {
                List<Object> other = new ArrayList<>(list);
                other.set(at, variant);
                variants.add(other);
              });
    }
    return variants.stream();
  }

  private static Stream<Object> variantsOfRecord(Record whole) {
    RecordComponent[] parts = whole.getClass().getRecordComponents();
    try {
      Object[] values = new Object[parts.length];
      Class<?>[] types = new Class<?>[parts.length];
      for (int i = 0; i < parts.length; i++) {
        values[i] = parts[i].getAccessor().invoke(whole);
        types[i] = parts[i].getType();
      }
      var constructor = whole.getClass().getDeclaredConstructor(types);
      List<Object> variants = new ArrayList<>();
      for (int i = 0; i < parts.length; i++) {
        for (Object variant : variants(values[i]).toList()) {
          Object[] other = values.clone();
          other[i] = variant;
          variants.add(constructor.newInstance(other));
        }
      }
      return variants.stream();
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("a configuration that cannot be varied", e);
    }
  }
}
