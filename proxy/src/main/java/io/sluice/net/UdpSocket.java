package io.sluice.net;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.Errors.NativeIoException;
import io.netty.channel.unix.FileDescriptor;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A lean UDP socket: a file descriptor on a Netty event loop, level-triggered, with neither channel
 * nor pipeline nor queue (docs/adr/0001). It moves datagrams between the kernel and its worker's
 * {@link Batch}.
 *
 * <p>Once registered it belongs to its worker's loop; only {@link #kernelDrops} may be asked from
 * elsewhere. A listener's is sent from by one worker while another may read it: sending and
 * receiving share nothing that changes.
 *
 * <p>Longer than other files: all that touches the descriptor between its opening and its close is
 * here, since a descriptor used after that may be another socket's.
 */
public final class UdpSocket implements EpollIoHandle {

  /** Larger than any datagram. */
  private static final int ANY_SEGMENT = 65_535;

  /**
   * A flow that asks and is answered brings one datagram at a time, and to look for more costs a
   * tenth of reading it. So while reads bring but one, this many ask for no more.
   */
  private static final int SINGLES = 15;

  private static final int BULK_BUFFER_BYTES = 2 << 20;

  /** Datagrams in one read that tell a bulk flow, for which joining pays (DESIGN, section 5). */
  private static final int BULK = 16;

  /** Whom a socket tells; always on its worker's loop. */
  public interface Owner {
    /** There is something to {@link UdpSocket#receive}. */
    void readable();

    /** The network says that an earlier datagram did not reach the peer; connected sockets only. */
    void failed(int errno);
  }

  private final FileDescriptor fd;
  private final boolean ipv6;

  /** Whether it has one peer, of whose ICMP errors it hears. */
  private boolean connected;

  /** Whether every error is kept in its {@link ErrorQueue}. */
  private boolean queuesErrors;

  /** Whether the kernel joins what arrives into trains (UDP_GRO), as far as it can. */
  private boolean joins;

  /** Whether all it receives has passed the filter of its connection. */
  private boolean settled;

  /** The kernel parts trains of datagrams up to this size (UDP_SEGMENT); 0: it parts none. */
  private int largestSegment;

  /** Reads of a single datagram left before the next that asks for more. */
  private int singles;

  private @Nullable Owner owner;
  private @Nullable IoRegistration registration;

  /** Where to give back what it took; of a {@link Dialer}'s sockets only. */
  private @Nullable Outlet outlet;

  private char port;

  private UdpSocket(int fd, boolean ipv6) {
    this.fd = new FileDescriptor(fd);
    this.ipv6 = ipv6;
  }

  /**
   * Opens a socket of one family alone: IPv4 through an IPv6 socket would walk both of the kernel's
   * paths.
   */
  public static UdpSocket open(boolean ipv6) throws OsException {
    int fd =
        Linux.socket(
            ipv6 ? Linux.AF_INET6 : Linux.AF_INET,
            Linux.SOCK_DGRAM | Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC);
    if (fd < 0) {
      throw new OsException("cannot open a UDP socket", -fd);
    }
    return new UdpSocket(fd, ipv6);
  }

  /**
   * Of what the peer sends from now on this receives nothing, for it is connected to itself; what
   * it has received stays. If the kernel refuses, all goes on as before.
   */
  public void turnAway() {
    try {
      connect(localAddress());
    } catch (OsException refused) {
      return; // its address may be gone from this machine
    }
  }

  /** Opens a socket to be bound to an address; an IPv6 wildcard will not take IPv4's ports too. */
  static UdpSocket openFor(Address address) throws OsException {
    UdpSocket socket;
    try {
      socket = open(address.isIpv6());
    } catch (OsException e) {
      throw new OsException("cannot open a UDP socket for " + address, e.errno());
    }
    if (address.isIpv6() && address.isWildcard()) {
      Linux.setsockopt(socket.number(), Linux.SOL_IPV6, Linux.IPV6_V6ONLY, 1);
    }
    return socket;
  }

  void connect(Address peer) throws OsException {
    int result = tryConnect(peer);
    if (result < 0) {
      throw new OsException("cannot connect a UDP socket to " + peer, -result);
    }
  }

  void bind(Address address) throws OsException {
    int result = tryBind(address);
    if (result < 0) {
      throw new OsException("cannot bind " + address, -result);
    }
  }

  /** Binds it; 0 or minus errno. */
  int tryBind(Address address) {
    return Linux.bind(number(), address);
  }

  /** From now on others who do likewise may bind its address. */
  void shareAddress() {
    Linux.setsockopt(number(), Linux.SOL_SOCKET, Linux.SO_REUSEADDR, 1);
  }

  /**
   * From now on it has one peer, from which alone it receives and of whose ICMP errors it hears; 0
   * or minus errno.
   */
  int tryConnect(Address peer) {
    int result = Linux.connect(number(), peer);
    connected |= result == 0; // refused, it has the peer that it had
    return result;
  }

  /** From now on it hears of all errors, that a host cannot be reached among them. */
  void queueErrors() {
    queuesErrors = ErrorQueue.askFor(number(), ipv6) >= 0;
  }

  /** Where to give back, when it is closed, what it took. */
  void leftBy(Outlet where, int from) {
    outlet = where;
    port = (char) from;
    if (Segmentation.found().parts()) {
      part();
    }
  }

  boolean isIpv6() {
    return ipv6;
  }

  boolean isConnected() {
    return connected;
  }

  /** The address it is bound to. */
  public Address localAddress() throws OsException {
    return SocketOptions.localAddress(number(), ipv6);
  }

  /** Bytes its receive buffer may hold. */
  public int receiveBufferBytes() {
    return SocketOptions.receiveBufferBytes(number());
  }

  /** Datagrams the kernel has dropped as its receive buffer was full, modulo 2^32. */
  public int kernelDrops() {
    return SocketOptions.kernelDrops(number());
  }

  /**
   * Begins to tell {@code owner}; on {@code worker}'s loop.
   *
   * @throws OsException when epoll takes no more; the socket is closed then
   */
  public void register(Worker worker, Owner newOwner) throws OsException {
    try {
      attach(worker, newOwner);
    } catch (OsException e) {
      close();
      throw e;
    }
  }

  /**
   * Like {@link #register} for a socket that comes and goes: it tells of what arrived in between,
   * too.
   *
   * @throws OsException when epoll takes no more; the socket stays open, and tells nobody
   */
  public void attach(Worker worker, Owner newOwner) throws OsException {
    own(newOwner);
    registration = worker.register(this);
    try {
      // Level-triggered: no second, empty receive to learn that nothing is left.
      registration.submit(EpollIoOps.EPOLLIN);
    } catch (UncheckedIOException e) {
      detach();
      int errno = e.getCause() instanceof NativeIoException os ? -os.expectedErr() : Errno.ENOMEM;
      throw new OsException("cannot watch a UDP socket", errno);
    }
  }

  /** Tells its owner no more of what there is to receive, but for errors, until {@link #resume}. */
  public void pause() {
    watch(EpollIoOps.EPOLLERR); // which epoll tells in any case; with NONE Netty could not resume
  }

  public void resume() {
    watch(EpollIoOps.EPOLLIN);
  }

  private void watch(EpollIoOps events) {
    var _ = Objects.requireNonNull(registration, "not registered").submit(events);
  }

  /**
   * Ends that its owner is told, on the loop it is told on: at once, even if an event waits in the
   * same epoll answer. What arrives waits in the kernel.
   */
  public void detach() {
    if (registration != null) {
      registration.cancel();
      registration = null;
    }
  }

  /** Whether its owner is being told; asked by those who attach and detach it. */
  public boolean isAttached() {
    return registration != null;
  }

  /** Whom to tell of ICMP errors, even unregistered. */
  void own(Owner newOwner) {
    owner = newOwner;
  }

  /** Trains are large, a few fill the buffer that the system gives every socket. */
  private void expectBulk() {
    SocketOptions.receiveBuffer(number(), BULK_BUFFER_BYTES);
    joins = !Segmentation.found().joins() || coalesce();
  }

  /** Lets the kernel join what arrives; false if it does not know how. */
  boolean coalesce() {
    joins = Linux.setsockopt(number(), Linux.SOL_UDP, Linux.UDP_GRO, 1) >= 0;
    return joins;
  }

  /** Lets the kernel part trains, until it refuses one. */
  void part() {
    largestSegment = ANY_SEGMENT;
  }

  /** Whether the kernel is asked to part trains of datagrams of this size. */
  boolean parts(int segmentBytes) {
    return segmentBytes <= largestSegment;
  }

  /**
   * Fills free slots with what has arrived; returns how many. An error that waited is told to the
   * owner and hides nothing.
   */
  public int receive(Batch batch) {
    if (!fd.isOpen()) {
      return 0;
    }
    int n = read(batch);
    if (n < 0 && connected && Errno.mayBePending(-n)) {
      tell(-n);
      n = read(batch);
    }
    return Math.max(n, 0);
  }

  private int read(Batch batch) {
    if (singles > 0) {
      singles--;
      return batch.receiveOne(number());
    }
    int n = batch.receive(number());
    if (outlet != null && !joins) { // of any other socket it is always asked who sent
      if (n == 1 && settled) { // else it is asked who sent it
        singles = SINGLES;
      } else if (n >= BULK) {
        expectBulk();
      }
    }
    return n;
  }

  /**
   * How many of the {@code n} slots just filled came before it had its peer, at the beginning: from
   * its bind to its connect a socket takes what anybody sends to its port.
   */
  public int strays(Batch batch, int from, int n) {
    if (settled || outlet == null) {
      return 0;
    }
    settled = batch.free() > 0; // it was empty then, and nobody else gets in any more
    return batch.upToLastNotFrom(outlet.peer(), from, n);
  }

  /** Sends slots {@code from} to {@code from + n - 1}, see {@link Departure}. */
  public void send(Batch batch, int from, int n, Account account) {
    if (fd.isOpen()) {
      Departure.send(this, batch, from, from + n, largestSegment, account);
    } else { // its number may be another socket's by now
      batch.drop(from, from + n, Drop.UNREACHABLE, account);
    }
  }

  /**
   * A connected socket has one route, which will refuse such trains again. What one client's route
   * refuses says nothing of the other clients'.
   */
  void expectRefusal(int segmentBytes, int errno) {
    if (connected) {
      // A size that does not fit the route says nothing of smaller ones.
      boolean size = errno == Errno.EINVAL || errno == Errno.EMSGSIZE;
      largestSegment = Math.min(largestSegment, size ? segmentBytes - 1 : 0);
    }
  }

  /**
   * Tells the owner of the error that a call returned. Where errors are queued that one is in the
   * queue too, perhaps with others: each is told once, and an empty queue makes no other call fail.
   */
  void tell(int errno) {
    if (!queuesErrors || ErrorQueue.drain(number(), ipv6, this::tellOwner) == 0) {
      tellOwner(errno);
    }
  }

  private void tellOwner(int errno) {
    if (owner != null && Errno.isUnreachable(errno)) {
      owner.failed(errno);
    }
  }

  /**
   * Closes at once; what lies unread in its buffer is lost. A registered socket is closed on its
   * loop only.
   */
  @Override
  public void close() {
    if (outlet == null) {
      closeDescriptor();
      return;
    }
    Outlet left = outlet;
    outlet = null;
    left.closing(port);
    closeDescriptor();
    left.closed(port);
  }

  private void closeDescriptor() {
    try {
      // Before the registration ends: the kernel forgets the epoll entry by itself, one call less.
      fd.close();
    } catch (IOException e) {
      throw new AssertionError("close of a UDP socket cannot fail", e);
    }
    detach();
  }

  public boolean isOpen() {
    return fd.isOpen();
  }

  @Override
  public FileDescriptor fd() {
    return fd;
  }

  @Override
  public void handle(IoRegistration from, IoEvent event) {
    if (owner == null || !fd.isOpen()) {
      return; // closed while its event waited in the same epoll answer
    }
    try {
      if (queuesErrors && ((EpollIoEvent) event).ops().contains(EpollIoOps.EPOLLERR)) {
        // Whatever is in there, some of which no call returns: else epoll would tell for ever.
        ErrorQueue.drain(number(), ipv6, this::tellOwner);
      }
      owner.readable();
    } catch (Throwable bug) {
      Worker.report(bug);
    }
  }

  int number() {
    return fd.intValue();
  }
}
