package io.sluice.config;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.sluice.config.Check.Content;
import io.sluice.config.SluiceConfig.Probe;
import java.net.URI;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/** The keys of {@code health.probe}: those of every probe, and each type's own. */
final class ProbeSchema {
  private static final int MAX_DATAGRAM = 65_507;
  private static final int LONGEST_REGEX = 1_024;
  private static final Duration SHORTEST_INTERVAL = Duration.ofMillis(100);
  private static final Set<String> QUERY_TYPES =
      Set.of("A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT");
  private static final Pattern DNS_NAME =
      Pattern.compile("\\.|(?=.{1,254}$)([A-Za-z0-9_-]{1,63}\\.)*[A-Za-z0-9_-]{1,63}\\.?");
  private static final Pattern PATH = Pattern.compile("/[!-~]{0,1023}");
  private static final Pattern HOST = Pattern.compile("[A-Za-z0-9._\\[\\]:-]{1,253}");
  private static final Pattern STATUS = Pattern.compile("([1-5]\\d\\d)(?:-([1-5]\\d\\d))?");

  /** Whose options these are; beside another type they would do nothing, without a word. */
  private static final Map<String, Set<String>> OPTIONS =
      Map.of(
          "send", Set.of("udp"),
          "expect", Set.of("udp"),
          "drain", Set.of("http", "udp"),
          "name", Set.of("dns"),
          "query-type", Set.of("dns"),
          "recursion", Set.of("dns"),
          "secret", Set.of("radius"),
          "path", Set.of("http"),
          "host", Set.of("http"),
          "expect-status", Set.of("http"));

  private final Cursor in;
  private final String type;

  private ProbeSchema(Cursor in, String type) {
    this.in = in;
    this.type = type;
  }

  /**
   * The probe of a pool, or none.
   *
   * @param types the built-ins' and the plug-ins' names
   */
  static Optional<Probe> read(Cursor health, Set<String> types) {
    return health.has("probe") ? health.section("probe", in -> probe(in, types)) : Optional.empty();
  }

  private static Optional<Probe> probe(Cursor in, Set<String> types) {
    boolean named = in.required("type", "type = dns") != null;
    String type = in.word("type", "", types, Set.of());
    var probe = new ProbeSchema(in, type);
    Check check = probe.check(named && !type.isEmpty());
    Duration interval = in.duration("interval", Duration.ofSeconds(2));
    if (interval.compareTo(SHORTEST_INTERVAL) < 0) {
      in.problem("interval", "must be at least 100ms");
    }
    Duration second = Duration.ofSeconds(1);
    Duration timeout = in.duration("timeout", second.compareTo(interval) < 0 ? second : interval);
    if (timeout.compareTo(interval) > 0) {
      in.problem("timeout", "must not exceed interval: a probe begins when the last has ended");
    }
    return Optional.of(
        new Probe(
            check,
            interval,
            timeout,
            in.count("rise", 1, 1_000, 2),
            in.count("fall", 1, 1_000, 3),
            in.count("port", 0, 65_535, 0)));
  }

  /**
   * @param known whether it is a type that there is; of any other, nothing is said of its options
   */
  private Check check(boolean known) {
    for (String option : new TreeSet<>(OPTIONS.keySet())) {
      Set<String> theirs = OPTIONS.getOrDefault(option, Set.of());
      Value value = in.value(option);
      if (value != null && known && !theirs.contains(type)) {
        value.problem(
            "goes with type = "
                + String.join(" or ", new TreeSet<>(theirs))
                + ", not with "
                + type);
      }
    }
    return switch (type) {
      case "udp" -> new Check.Udp(send(), content("expect"), content("drain"));
      case "dns" -> new Check.Dns(dnsName(), queryType(), in.flag("recursion", true));
      case "radius" -> new Check.Radius(secret());
      case "http" -> http();
      default -> new Check.Plain(type);
    };
  }

  private String send() {
    Value value = in.required("send", "send = \"text:ping\" or send = \"hex:0d 0a\"");
    Content content = value == null ? null : content(value);
    if (value != null && content != null && content.regex()) {
      value.problem("cannot be sent, being a regex: write text: or hex:");
    }
    if (value != null && content != null && content.latin1().length() > MAX_DATAGRAM) {
      value.problem("is longer than a datagram, which has at most " + MAX_DATAGRAM + " bytes");
    }
    return content == null ? "" : content.latin1();
  }

  private Optional<Content> content(String option) {
    Value value = in.value(option);
    return value == null ? Optional.empty() : Optional.ofNullable(content(value));
  }

  private static @Nullable Content content(Value value) {
    String text = value.text();
    if (text == null) {
      return null;
    }
    int colon = text.indexOf(':');
    String rest = text.substring(colon + 1);
    return switch (colon < 0 ? "" : text.substring(0, colon)) {
      case "text" -> new Content(false, new String(rest.getBytes(UTF_8), ISO_8859_1));
      case "hex" -> hex(value, rest);
      case "regex" -> regex(value, rest);
      default -> {
        value.problem("must begin with text:, hex: or regex:, not " + value.shown());
        yield null;
      }
    };
  }

  /** Pairs may stand apart, to be read and counted more easily. */
  private static @Nullable Content hex(Value value, String written) {
    String digits = written.replace(" ", "");
    for (int i = 0; i < digits.length(); i++) {
      if (!HexFormat.isHexDigit(digits.charAt(i))) {
        value.problem("has '%s' where hex digit %d should be".formatted(digits.charAt(i), i + 1));
        return null;
      }
    }
    if (digits.length() % 2 != 0) {
      value.problem("has " + digits.length() + " hex digits: a byte has two");
      return null;
    }
    return new Content(false, new String(HexFormat.of().parseHex(digits), ISO_8859_1));
  }

  private static @Nullable Content regex(Value value, String regex) {
    if (regex.length() > LONGEST_REGEX) {
      value.problem("is longer than the " + LONGEST_REGEX + " characters a regex may have");
      return null;
    }
    try {
      var content = new Content(true, regex);
      content.pattern();
      return content;
    } catch (PatternSyntaxException e) {
      value.problem(
          "is not a regex: %s, at character %d".formatted(e.getDescription(), e.getIndex() + 1));
      return null;
    }
  }

  private String dnsName() {
    String name = text("name", ".");
    if (!DNS_NAME.matcher(name).matches()) {
      in.problem("name", "is no DNS name: write e.g. www.example.org");
    }
    return name;
  }

  private String queryType() {
    return in.word("query-type", "NS", QUERY_TYPES, Set.of());
  }

  private String secret() {
    Value value = in.required("secret", "secret = ${RADIUS_SECRET}");
    String secret = value == null ? null : value.secret();
    if (value != null && secret != null && secret.isEmpty()) {
      value.problem("is empty: give the secret that the RADIUS server shares with this machine");
    }
    return secret == null ? "" : secret;
  }

  private Check http() {
    String path = text("path", "/");
    if (!PATH.matcher(path).matches() || !isUri("http://x" + path)) {
      in.problem("path", "must begin with / and have no spaces: write e.g. /healthz");
    }
    String host = text("host", "");
    if (in.has("host") && !HOST.matcher(host).matches()) {
      in.problem("host", "is no host name: write e.g. www.example.org");
    }
    Matcher status = STATUS.matcher(text("expect-status", "200-399"));
    int lowest = status.matches() ? Integer.parseInt(status.group(1)) : 200;
    int highest =
        status.matches() && status.group(2) != null ? Integer.parseInt(status.group(2)) : lowest;
    if (!status.matches() || lowest > highest) {
      in.problem("expect-status", "must be a status or a range of them, e.g. 200 or 200-399");
    }
    return new Check.Http(path, host, lowest, highest, content("drain"));
  }

  private String text(String option, String otherwise) {
    Value value = in.value(option);
    if (value == null) {
      return otherwise.isEmpty() ? otherwise : in.preset(option, otherwise);
    }
    return Objects.requireNonNullElse(value.text(), otherwise);
  }

  private static boolean isUri(String text) {
    try {
      return !URI.create(text).getRawPath().isEmpty();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
