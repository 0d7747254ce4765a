package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.util.NetUtil;
import io.sluice.metrics.Journal;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who did what that not everybody may, and who was not let: a line of the log {@code
 * io.sluice.audit} and an event of the journal. Refusals are bounded, for anybody can cause them.
 * Neither content nor query is told: they may hold secrets.
 */
final class Audit {
  private static final int REFUSALS_PER_SECOND = 1;
  private static final int REFUSALS = 10;
  private static final int LONGEST = 200;

  /** Whose allowance of refusals it is: there is one for all. */
  private static final InetAddress ALL = InetAddress.getLoopbackAddress();

  private static final Logger LOG = LoggerFactory.getLogger("io.sluice.audit");

  private final Journal journal;
  private final Allowance refusals;
  private final AtomicLong unsaid = new AtomicLong();

  /**
   * @param clock nanoseconds
   */
  Audit(Journal journal, LongSupplier clock) {
    this.journal = journal;
    refusals = new Allowance(REFUSALS_PER_SECOND, REFUSALS, clock);
  }

  /** Has it told what comes of an operation, whether or not its caller waits for that. */
  Supplier<Reply> watch(
      Caller caller, HttpServerRequest http, String what, Supplier<Reply> operation) {
    String target = target(http);
    String from = from(http);
    return () -> {
      int status = HttpResponseStatus.INTERNAL_SERVER_ERROR.code();
      try {
        Reply reply = operation.get();
        status = reply.status();
        return reply;
      } catch (Problem problem) {
        status = problem.status();
        throw problem;
      } finally {
        LOG.info(
            "{} ({}) from {}: {} {}: {}",
            caller.name(),
            caller.role().name().toLowerCase(Locale.ROOT),
            from,
            what,
            target,
            status);
        journal.enter(
            Journal.Kind.AUDIT,
            target,
            what,
            "by %s from %s: %s".formatted(caller.name(), from, HttpResponseStatus.valueOf(status)));
      }
    };
  }

  /** Somebody was not let. */
  void refused(HttpServerRequest http, String why) {
    if (refusals.take(ALL) > 0) {
      unsaid.incrementAndGet();
      return;
    }
    long others = unsaid.getAndSet(0);
    String all = others == 0 ? why : why + "; and " + others + " more, of whomever, not told";
    LOG.warn("refused from {}: {} {}: {}", from(http), http.method(), target(http), all);
    journal.enter(
        Journal.Kind.AUDIT, target(http), "REFUSED", "from %s: %s".formatted(from(http), all));
  }

  private static String from(HttpServerRequest http) {
    SocketAddress from = http.remoteAddress();
    return from == null
        ? "nowhere"
        : NetUtil.toSocketAddressString(from.hostAddress(), from.port());
  }

  /** The path, without what would make two lines of one. */
  private static String target(HttpServerRequest http) {
    String path = String.valueOf(http.path()).replaceAll("[^!-~]", "?");
    return path.length() > LONGEST ? path.substring(0, LONGEST) + "..." : path;
  }
}
