package io.sluice.front;

import io.sluice.flow.Books;
import io.sluice.flow.Course;
import io.sluice.flow.Lane;
import io.sluice.flow.Tap;
import io.sluice.net.Address;
import io.sluice.net.FrontSockets;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import io.sluice.net.Workers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The listeners of one address: one at home on each worker, in the order of the workers. Opened
 * once and never fewer or more, since that would send clients to others of them.
 */
final class Listeners {
  private static final Logger log = LoggerFactory.getLogger(Listeners.class);

  private final int index;
  private final Address wanted;
  private final Address bound;
  private final List<Listener> all = new ArrayList<>();
  private volatile boolean closed;
  private boolean dealt;

  private Listeners(int index, Address wanted, Address bound) {
    this.index = index;
    this.wanted = wanted;
    this.bound = bound;
  }

  /**
   * Binds a socket for every worker; nobody reads them yet.
   *
   * @param index what the keys of their flows hold
   * @param ours whether we have the address already, or one that overlaps
   * @param last those that had the index before and are closed: these go on with their books
   */
  static Listeners open(
      Front front,
      int index,
      Address wanted,
      boolean ours,
      @Nullable Listeners last,
      Course course,
      Workers workers)
      throws OsException {
    Address bound = ours ? wanted : FrontSockets.claim(wanted);
    List<UdpSocket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < workers.count(); i++) {
        sockets.add(FrontSockets.listen(bound, Front.BUFFER_BYTES));
      }
      Listeners opened = new Listeners(index, wanted, bound);
      for (Worker worker : workers) {
        Listener before = last == null ? null : last.of(worker);
        opened.add(front, worker, sockets.get(worker.index()), before, course);
      }
      opened.warnOfSmallBuffers(front.name());
      return opened;
    } catch (OsException e) {
      sockets.forEach(UdpSocket::close);
      throw e;
    }
  }

  private void add(
      Front front, Worker worker, UdpSocket socket, @Nullable Listener before, Course course) {
    Lane lane =
        new Lane(
            worker,
            socket,
            front.flows(),
            before == null ? new Books() : before.lane().books(),
            front.desk(),
            (flow, now) -> of(worker).rescue(flow, now),
            new Tap(front.name(), bound, worker.index(), front.traces(), front.clock()),
            course);
    long kernelDrops = before == null ? 0 : before.kernelDrops();
    Placement placement = new Placement(front.name(), lane, bound, course);
    all.add(new Listener(this, lane, placement, front.clock(), kernelDrops));
  }

  /** Whatever else comes to share the address: a front's peer sockets do. */
  void dealToThese() {
    if (needsDealer()) {
      try {
        FrontSockets.dealToFirst(all.size(), all.getFirst().lane().socket());
        dealt = true;
      } catch (OsException e) {
        log.error(
            "{}: {}, though it could just now; each peer socket that comes or goes sends other"
                + " clients to another worker",
            bound,
            e.getMessage());
      }
    }
  }

  /** On a socket that is nobody's. */
  void tryToDeal() throws OsException {
    if (needsDealer()) {
      FrontSockets.tryToDeal(all.size(), bound);
    }
  }

  private boolean needsDealer() {
    return !dealt && !bound.isWildcard();
  }

  private void warnOfSmallBuffers(String front) throws OsException {
    int granted = all.getFirst().lane().socket().receiveBufferBytes();
    if (granted < Front.BUFFER_BYTES) {
      log.warn(
          "front {}: the kernel grants {} a receive buffer of {} KiB, not {}: bursts beyond it are"
              + " lost (sluice_kernel_drops_total); raise net.core.rmem_max, or grant"
              + " CAP_NET_ADMIN",
          front,
          bound,
          granted >> 10,
          Front.BUFFER_BYTES >> 10);
    }
  }

  int index() {
    return index;
  }

  /** As configured, perhaps without a port. */
  Address wanted() {
    return wanted;
  }

  Address bound() {
    return bound;
  }

  Listener of(Worker worker) {
    return all.get(worker.index());
  }

  List<Listener> all() {
    return all;
  }

  boolean isClosed() {
    return closed;
  }

  /** Has the workers read them that {@code deal} says, told who does. */
  List<CompletableFuture<Void>> move(UnaryOperator<int[]> deal) {
    List<CompletableFuture<Void>> moves = new ArrayList<>();
    int[] from = all.stream().mapToInt(Listener::reader).toArray();
    int[] to = deal.apply(from);
    for (int i = 0; i < to.length; i++) {
      if (to[i] != from[i]) {
        moves.add(all.get(i).moveTo(all.get(to[i])));
      }
    }
    return moves;
  }

  /** Nobody but its worker may read a listener that is closed: so all go home first. */
  List<CompletableFuture<Void>> goHome() {
    closed = true;
    return move(from -> IntStream.range(0, from.length).toArray());
  }

  /** Of those that nobody has ever read. */
  void abandon() {
    all.forEach(listener -> listener.lane().socket().close());
  }

  /** Flows whose sockets are open. */
  long live() {
    return all.stream().mapToLong(listener -> listener.lane().flows().get(Lane.LIVE)).sum();
  }
}
