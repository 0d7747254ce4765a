package io.sluice.ctl;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** Where the appliance is, and as whom we come. */
final class Endpoint {
  private static final String URL_VARIABLE = "SLUICE_ADMIN";
  private static final String DEFAULT_URL = "http://127.0.0.1:9901";
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration IMPATIENCE = Duration.ofSeconds(3);

  private final Map<String, String> environment;

  @Option(
      names = "--admin",
      paramLabel = "URL",
      scope = ScopeType.INHERIT,
      description = "The appliance's admin API; by default " + DEFAULT_URL + ".")
  private @Nullable String url;

  @Option(
      names = "--token",
      paramLabel = "T",
      scope = ScopeType.INHERIT,
      description = "The token; visible to whoever may list processes.")
  private @Nullable String token;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description = "A file that holds the token.")
  private @Nullable Path tokenFile;

  @Option(
      names = "--ca",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description = "PEM: who may have signed the appliance's certificate, if not the usual ones.")
  private @Nullable Path ca;

  @Option(
      names = "--certificate",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description = "PEM: our own certificate, where the appliance asks for one.")
  private @Nullable Path certificate;

  @Option(
      names = "--key",
      paramLabel = "FILE",
      scope = ScopeType.INHERIT,
      description = "PEM (PKCS #8): the private key of --certificate.")
  private @Nullable Path key;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      scope = ScopeType.INHERIT,
      description = "How long to wait for an answer; by default 10s, for ready 3s.")
  private @Nullable Duration timeout;

  Endpoint(Map<String, String> environment) {
    this.environment = environment;
  }

  Api connect() {
    return connect(Token.find(token, tokenFile, environment), PATIENCE);
  }

  /** For what needs no token, and has no time. */
  Api connectAsNobody() {
    return connect(Optional.empty(), IMPATIENCE);
  }

  private Api connect(Optional<Token> known, Duration patience) {
    return new Api(
        Objects.requireNonNullElseGet(
            url, () -> environment.getOrDefault(URL_VARIABLE, DEFAULT_URL)),
        known,
        new TlsFiles(ca, certificate, key),
        Objects.requireNonNullElse(timeout, patience));
  }
}
