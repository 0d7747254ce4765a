package io.sluice.front;

import io.sluice.flow.FlowKey;
import io.sluice.flow.Reception;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.Errno;
import io.sluice.net.Fds;
import io.sluice.net.FrontSockets;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The reception of a front whose assured flows have peer sockets: how many, and from where. */
final class Desk implements Reception {
  private static final Logger log = LoggerFactory.getLogger(Desk.class);

  /** After the system had none left, and between complaints. */
  private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Front front;
  private final Fds fds;
  private final LongSupplier clock;
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicLong notBefore;
  private final AtomicLong complainNotBefore;

  /**
   * @param fds each peer socket takes one
   */
  Desk(Front front, Fds fds, LongSupplier clock) {
    this.front = front;
    this.fds = fds;
    this.clock = clock;
    notBefore = new AtomicLong(clock.getAsLong());
    complainNotBefore = new AtomicLong(clock.getAsLong());
  }

  @Override
  public @Nullable UdpSocket accept(FlowKey key, Worker worker, UdpSocket.Owner owner) {
    long now = clock.getAsLong();
    if (now - notBefore.get() < 0) {
      return null;
    }
    if (open.incrementAndGet() > Front.PEER_SOCKETS_MAX) {
      open.decrementAndGet();
      return null;
    }
    try {
      return open(key, worker, owner);
    } catch (OsException e) {
      open.decrementAndGet();
      if (Errno.ofDial(e.errno()) == Drop.NO_FD) {
        notBefore.set(now + PAUSE_NANOS);
      }
      complain(key, e, now);
      return null;
    }
  }

  private UdpSocket open(FlowKey key, Worker worker, UdpSocket.Owner owner) throws OsException {
    fds.takeFor("a peer socket");
    try {
      Address local = key.local(front.bound(key.listener()));
      return FrontSockets.accept(local, key.client(), Front.BUFFER_BYTES, worker, owner);
    } catch (OsException e) {
      fds.giveBack();
      throw e;
    }
  }

  private void complain(FlowKey key, OsException e, long now) {
    long due = complainNotBefore.get();
    if (now - due >= 0 && complainNotBefore.compareAndSet(due, now + PAUSE_NANOS)) {
      log.warn(
          "front {}: no peer socket for {}, and perhaps others: they go on by the listener: {}",
          front.name(),
          key,
          e.getMessage());
    }
  }

  @Override
  public void relay(Batch batch, int from, int n, FlowKey to, Worker worker) {
    front.listeners(to.listener()).of(worker).relay(batch, from, n, to);
  }

  @Override
  public void afterBacklog(int listener, Worker worker, Runnable then) {
    List<Listener> all = front.listeners(listener).all();
    Runnable arrival = new Arrivals(all.size(), then);
    all.forEach(each -> each.afterBacklog(() -> worker.execute(arrival)));
  }

  /** Runs on one loop, so many times, the last of which counts. */
  private static final class Arrivals implements Runnable {
    private final Runnable then;
    private int missing;

    Arrivals(int missing, Runnable then) {
      this.missing = missing;
      this.then = then;
    }

    @Override
    public void run() {
      missing--;
      if (missing == 0) {
        then.run();
      }
    }
  }

  @Override
  public void close(UdpSocket socket) {
    socket.close();
    fds.giveBack();
    open.decrementAndGet();
  }

  /** Peer sockets open now. */
  int open() {
    return open.get();
  }
}
