package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Threads that make answers which take a while, and the requests that wait for one of them.
 *
 * <p>Changes have a desk of their own: the appliance makes them one at a time, and those that wait
 * for their turn there are no reason for readers to wait here.
 */
final class Desk {
  /** More only if clients hang up before they are answered. */
  static final int MAX_WAITING = Connections.MAX;

  private final WorkerExecutor threads;
  private int waiting;

  Desk(Vertx vertx, String name, int threads) {
    this.threads = vertx.createSharedWorkerExecutor(name, threads);
    // Started here, not by the event loop at a first request: a thread inherits its starter's nice
    // value, and so would what changes start, workers among them.
    for (int i = 0; i < threads; i++) {
      var _ = this.threads.executeBlocking(() -> null, false);
    }
  }

  /** On the event loop, which hears of the answer as well. */
  Future<@Nullable Reply> answer(Supplier<Reply> making) {
    if (waiting == MAX_WAITING) {
      throw Problem.of(
          HttpResponseStatus.SERVICE_UNAVAILABLE, waiting + " requests are waiting already");
    }
    waiting++;
    return threads.executeBlocking(making::get, false).onComplete(done -> waiting--);
  }
}
