package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import java.net.InetAddress;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.net.ssl.SSLPeerUnverifiedException;

/** Who is let in, and to what; before anything is read of what they want. */
final class Gate {
  private static final int REQUESTS_PER_SECOND = 1_000;
  private static final int REQUESTS = 2_000;

  /** Attempts with what is nobody's token. */
  private static final int FAILURES_PER_SECOND = 1;

  private static final int FAILURES = 20;

  /** RFC 9110, section 7.2: a bracketed IPv6 literal or another host, and an optional port. */
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+)(:[0-9]{0,5})?");

  private static final Pattern LITERAL =
      Pattern.compile("\\[[0-9A-Fa-f:.]+]|[0-9]{1,3}([.][0-9]{1,3}){3}");

  /** RFC 6750, section 2.1. */
  private static final Pattern BEARER =
      Pattern.compile("bearer +([A-Za-z0-9._~+/-]+=*) *", Pattern.CASE_INSENSITIVE);

  private static final String CHALLENGE = "Bearer realm=\"sluice\"";

  private final Connections connections;
  private final Audit audit;
  private final Allowance requests;
  private final Allowance failures;
  private volatile Credentials credentials;

  /**
   * @param clock nanoseconds
   */
  Gate(Credentials credentials, Connections connections, Audit audit, LongSupplier clock) {
    this.credentials = credentials;
    this.connections = connections;
    this.audit = audit;
    requests = new Allowance(REQUESTS_PER_SECOND, REQUESTS, clock);
    failures = new Allowance(FAILURES_PER_SECOND, FAILURES, clock);
  }

  Credentials credentials() {
    return credentials;
  }

  /** Any thread; for the next request on. */
  void admit(Credentials others) {
    credentials = others;
  }

  /**
   * Ends the streams of those whom the credentials know no more. On the event loop, where a request
   * let in by earlier ones has begun its stream by now.
   */
  void dismiss() {
    connections.dismiss(credentials::stillKnow);
  }

  /**
   * Lets a request in at all.
   *
   * @throws Problem if it comes too fast, or by a name that is not ours
   */
  void receive(HttpServerRequest request) {
    long wait = requests.take(source(request));
    if (wait > 0) {
      throw tooMany("more than " + REQUESTS_PER_SECOND + " requests a second from here", wait);
    }
    String host = host(request);
    if (credentials.none()) {
      requireLoopback(host);
    }
  }

  /**
   * Returns who it is that wants something.
   *
   * @throws Problem if they may not have it
   */
  Caller admit(HttpServerRequest request, Access access) {
    requireOwnPage(request, access);
    Credentials now = credentials;
    if (now.none()) {
      connections.prove(request.connection(), Caller.LOOPBACK);
      return Caller.LOOPBACK;
    }
    if (access == Access.ANYBODY) {
      return Caller.ANYBODY;
    }
    Caller caller = authenticate(request, now);
    if (!access.allows(caller.role())) {
      audit.refused(request, caller.name() + " is no " + word(access));
      throw Problem.of(
              HttpResponseStatus.FORBIDDEN,
              "this takes the role %s, and %s is %s"
                  .formatted(word(access), caller.name(), word(caller.role())))
          .header(
              "WWW-Authenticate",
              CHALLENGE + ", error=\"insufficient_scope\", scope=\"" + word(access) + "\"");
    }
    return caller;
  }

  private Caller authenticate(HttpServerRequest request, Credentials now) {
    List<String> given = request.headers().getAll(HttpHeaders.AUTHORIZATION);
    if (given.isEmpty()) {
      Caller caller =
          now.clientRole()
              .map(role -> new Caller(commonName(request), role, null))
              .orElseThrow(
                  () ->
                      Problem.of(
                              HttpResponseStatus.UNAUTHORIZED,
                              "a token is needed: Authorization: Bearer TOKEN")
                          .header("WWW-Authenticate", CHALLENGE));
      connections.prove(request.connection(), caller);
      return caller;
    }
    InetAddress source = source(request);
    long wait = failures.wait(source);
    if (wait > 0 && !connections.isProven(request.connection())) {
      audit.refused(request, "too many wrong tokens from there");
      throw tooMany("too many wrong tokens from here", wait);
    }
    Matcher bearer = BEARER.matcher(given.size() == 1 ? given.getFirst() : "");
    Optional<Caller> caller = bearer.matches() ? now.find(bearer.group(1)) : Optional.empty();
    connections.prove(request.connection(), caller.orElse(null));
    return caller.orElseThrow(
        () -> {
          failures.take(source);
          audit.refused(request, "nobody has such a token");
          return Problem.of(
                  HttpResponseStatus.UNAUTHORIZED,
                  "nobody has such a token; one is given as Authorization: Bearer TOKEN")
              .header("WWW-Authenticate", CHALLENGE + ", error=\"invalid_token\"");
        });
  }

  /** The handshake has seen to it that the certificate is good. */
  private static String commonName(HttpServerRequest request) {
    try {
      List<Certificate> chain = request.connection().peerCertificates();
      String subject = ((X509Certificate) chain.getFirst()).getSubjectX500Principal().getName();
      String name =
          new LdapName(subject)
              .getRdns().stream()
                  .filter(rdn -> rdn.getType().equalsIgnoreCase("CN"))
                  .map(rdn -> String.valueOf(rdn.getValue()))
                  .findFirst()
                  .orElse(subject);
      return name.replaceAll("[^ -~]", "?");
    } catch (SSLPeerUnverifiedException | InvalidNameException e) {
      throw Problem.of(HttpResponseStatus.UNAUTHORIZED, "a client certificate is needed")
          .header("WWW-Authenticate", CHALLENGE);
    }
  }

  /**
   * Refuses what another site's page has a browser ask, with the certificate or from the loopback
   * address that the browser has (CSRF). It may only send people here, to the page.
   */
  private static void requireOwnPage(HttpServerRequest request, Access access) {
    String site = request.getHeader("Sec-Fetch-Site");
    boolean link =
        access == Access.ANYBODY
            && Set.of(HttpMethod.GET, HttpMethod.HEAD).contains(request.method())
            && "navigate".equals(request.getHeader("Sec-Fetch-Mode"));
    if (site != null && !site.equals("same-origin") && !site.equals("none") && !link) {
      throw Problem.of(HttpResponseStatus.FORBIDDEN, "asked by another site's page: " + site);
    }
    for (String origin : request.headers().getAll(HttpHeaders.ORIGIN)) {
      // A proxy may have ended TLS: the scheme says nothing.
      if (!origin.toLowerCase(Locale.ROOT).replaceFirst("^https?://", "").equals(host(request))) {
        throw Problem.of(HttpResponseStatus.FORBIDDEN, "asked by a page of " + origin);
      }
    }
  }

  private static String host(HttpServerRequest request) {
    List<String> hosts = request.headers().getAll(HttpHeaders.HOST);
    if (hosts.size() != 1 || !HOST.matcher(hosts.getFirst()).matches()) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "one Host header is needed, a host and maybe a port");
    }
    return hosts.getFirst().toLowerCase(Locale.ROOT);
  }

  /**
   * Refuses names other than localhost. Where nobody needs to say who they are, this is what keeps
   * a web page from reading the API by pointing its own name at 127.0.0.1 (DNS rebinding). Any port
   * will do: a tunnel's end has its own.
   */
  private static void requireLoopback(String host) {
    String name = host.replaceFirst(":[0-9]*$", "");
    if (!name.equals("localhost") && !isLoopback(name)) {
      throw Problem.of(
          HttpResponseStatus.MISDIRECTED_REQUEST,
          "without admin.tokens, the admin API answers to localhost, 127.0.0.1 and [::1] only, not"
              + " to "
              + name);
    }
  }

  private static boolean isLoopback(String name) {
    try {
      return LITERAL.matcher(name).matches()
          && InetAddress.ofLiteral(name.replaceAll("[\\[\\]]", "")).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static InetAddress source(HttpServerRequest request) {
    return InetAddress.ofLiteral(request.remoteAddress().hostAddress());
  }

  private static Problem tooMany(String what, long waitNs) {
    long seconds = Math.ceilDiv(waitNs, TimeUnit.SECONDS.toNanos(1));
    return Problem.of(HttpResponseStatus.TOO_MANY_REQUESTS, what + "; again in " + seconds + " s")
        .header("Retry-After", Long.toString(seconds));
  }

  private static String word(Enum<?> word) {
    return word.name().toLowerCase(Locale.ROOT);
  }
}
