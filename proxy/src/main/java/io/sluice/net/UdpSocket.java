package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.Errors.NativeIoException;
import io.netty.channel.unix.FileDescriptor;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
   * Opens one of several sockets that share an address: the kernel deals clients to them by a hash
   * of the 4-tuple.
   *
   * @param bufferBytes wanted size of each kernel buffer; the system's limit may grant less
   */
  public static UdpSocket listen(Address address, int bufferBytes) throws OsException {
    UdpSocket socket = openFor(address);
    try {
      socket.share(bufferBytes);
      if (address.isWildcard()) { // several local addresses: learn which one a client used
        if (address.isIpv6()) {
          socket.option(Linux.SOL_IPV6, Linux.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
        } else {
          socket.option(Linux.SOL_IP, Linux.IP_PKTINFO, 1, "IP_PKTINFO");
        }
      }
      socket.bind(address);
      return socket;
    } catch (OsException e) {
      socket.close();
      throw e;
    }
  }

  /** Lets others of ours have its address too, and makes it fit for bulk. */
  private void share(int bufferBytes) throws OsException {
    option(Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1, "SO_REUSEPORT");
    if (receiveBuffer(bufferBytes) < 0) {
      option(Linux.SOL_SOCKET, Linux.SO_RCVBUF, bufferBytes, "SO_RCVBUF");
    }
    if (Linux.setsockopt(number(), Linux.SOL_SOCKET, Linux.SO_SNDBUFFORCE, bufferBytes) < 0) {
      option(Linux.SOL_SOCKET, Linux.SO_SNDBUF, bufferBytes, "SO_SNDBUF");
    }
    if (Segmentation.found().joins()) {
      coalesce();
    }
    if (Segmentation.found().parts()) {
      part();
    }
  }

  /**
   * From now on clients are dealt to the first {@code n} sockets that {@link #listen} on its
   * address, whichever else come to share it (docs/adr/0009).
   */
  public void dealToFirst(int n) throws OsException {
    try (Arena arena = Arena.ofConfined()) {
      int result =
          Linux.setsockopt(
              number(),
              Linux.SOL_SOCKET,
              Linux.SO_ATTACH_REUSEPORT_CBPF,
              Dealer.program(arena, ipv6, n));
      if (result < 0) {
        throw new OsException("cannot set SO_ATTACH_REUSEPORT_CBPF", -result);
      }
    }
  }

  /**
   * Opens a socket beside those that {@link #listen} on {@code local}, or on the wildcard, for one
   * client alone: the kernel prefers it for what that client sends. Until it knows the client it
   * may catch what others send, so whoever gets it must look at once for whom it has something.
   *
   * <p>All that can run out is asked for first: once bound it does not fail for want of anything.
   */
  public static UdpSocket accept(
      Address local, Address client, int bufferBytes, Worker worker, Owner owner)
      throws OsException {
    UdpSocket socket = openFor(local);
    try {
      socket.share(bufferBytes);
      socket.register(worker, owner);
      socket.bind(local);
      socket.connect(client);
      return socket;
    } catch (OsException e) {
      socket.close();
      throw e;
    }
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

  /**
   * Makes sure that nobody else has an address, and returns it with the port the kernel chose if it
   * had none. To {@link #listen} beside another process that shares its port would succeed, and
   * each would get some of the clients; port 0 could give a port that another listener of ours has.
   */
  public static Address claim(Address address) throws OsException {
    UdpSocket socket = openFor(address);
    try {
      socket.bind(address);
      return socket.localAddress();
    } finally {
      socket.close();
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

  /** Where to give back, when it is closed, what it took. */
  void leftBy(Outlet where, int from) {
    outlet = where;
    port = (char) from;
    if (Segmentation.found().parts()) {
      part();
    }
  }

  private void option(int level, int option, int value, String name) throws OsException {
    int result = Linux.setsockopt(number(), level, option, value);
    if (result < 0) {
      throw new OsException("cannot set " + name, -result);
    }
  }

  /** The address it is bound to. */
  public Address localAddress() throws OsException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(Linux.SOCKADDR_ROOM_BYTES, 8);
      int result =
          Linux.getsockname(number(), name, arena.allocateFrom(JAVA_INT, (int) name.byteSize()));
      if (result < 0) {
        throw new OsException("cannot ask for a socket's address", -result);
      }
      return new Address(
          name.get(JAVA_LONG, 0),
          ipv6 ? name.get(JAVA_LONG, 8) : 0,
          ipv6 ? name.get(JAVA_LONG, 16) : 0,
          ipv6 ? name.get(JAVA_INT, 24) : 0);
    }
  }

  /** Bytes of payload and overhead its receive buffer may hold, as the kernel granted them. */
  public int receiveBufferBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocateFrom(JAVA_INT, 0);
      int result =
          Linux.getsockopt(
              number(),
              Linux.SOL_SOCKET,
              Linux.SO_RCVBUF,
              size,
              arena.allocateFrom(JAVA_INT, Integer.BYTES));
      return result < 0 ? 0 : size.get(JAVA_INT, 0) / 2; // the kernel doubles what was asked for
    }
  }

  /**
   * Datagrams the kernel has dropped since the socket was opened because its receive buffer was
   * full (or a checksum was wrong), modulo 2^32. Asked of SO_MEMINFO rather than carried by every
   * datagram (SO_RXQ_OVFL) or searched for in /proc/net/udp: it costs the datapath nothing and is
   * right even when nothing arrives any more.
   */
  public int kernelDrops() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(JAVA_INT, Linux.SK_MEMINFO_VARS);
      int result =
          Linux.getsockopt(
              number(),
              Linux.SOL_SOCKET,
              Linux.SO_MEMINFO,
              info,
              arena.allocateFrom(JAVA_INT, (int) info.byteSize()));
      return result < 0 ? 0 : info.getAtIndex(JAVA_INT, Linux.SK_MEMINFO_DROPS);
    }
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
    receiveBuffer(BULK_BUFFER_BYTES);
    joins = !Segmentation.found().joins() || coalesce();
  }

  private int receiveBuffer(int bufferBytes) {
    // The forced variant passes the system's limit but needs CAP_NET_ADMIN.
    int result = Linux.setsockopt(number(), Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, bufferBytes);
    return result >= 0
        ? result
        : Linux.setsockopt(number(), Linux.SOL_SOCKET, Linux.SO_RCVBUF, bufferBytes);
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

  /**
   * Sends slots {@code from} to {@code from + n - 1} in order and books each as forwarded or
   * dropped. What the kernel does not take at once is dropped: UDP is never queued.
   *
   * <p>A connected socket reports an error of an earlier datagram instead of sending this one: so
   * each is tried once again. Should an error arrive while several are sent, the kernel says only
   * how many went before it, and not which error; the rest is sent then.
   */
  public void send(Batch batch, int from, int n, Account account) {
    if (!fd.isOpen()) { // its number may be another socket's by now
      account.dropped(Drop.UNREACHABLE, batch.datagrams(from, n));
      return;
    }
    send(batch, from, from + n, largestSegment, account);
  }

  private void send(Batch batch, int from, int end, int largest, Account account) {
    int slot = from;
    int retried = -1;
    while (slot < end) {
      if (batch.segmentBytes(slot) > largest) {
        sendApart(batch, slot++, account);
        continue;
      }
      int next = batch.send(number(), slot, end, largest);
      if (next > slot) {
        account.forwarded(batch.datagrams(slot, next - slot));
        slot = next;
      } else if (connected && retried != slot && Errno.mayBePending(-next)) {
        tell(-next);
        retried = slot;
      } else if (isTrainRefused(batch, slot, -next)) {
        int last = batch.failedEnd();
        expectRefusal(batch.datagramBytes(slot), -next);
        send(batch, slot, last, 0, account);
        slot = last;
      } else {
        Drop reason = Errno.ofSend(-next);
        // A full buffer will not take the others either.
        int last = reason == Drop.BACKPRESSURE ? end : batch.failedEnd();
        account.dropped(reason, batch.datagrams(slot, last - slot));
        slot = last;
      }
    }
  }

  /** Whether what failed was a train that its route or device cannot part. */
  private static boolean isTrainRefused(Batch batch, int slot, int errno) {
    boolean train = batch.failedEnd() > slot + 1 || batch.segmentBytes(slot) > 0;
    return train && Errno.isOfSegmentation(errno);
  }

  /**
   * A connected socket has one route, which will refuse such trains again. What one client's route
   * refuses says nothing of the other clients'.
   */
  private void expectRefusal(int segmentBytes, int errno) {
    if (connected) {
      // A size that does not fit the route says nothing of smaller ones.
      boolean size = errno == Errno.EINVAL || errno == Errno.EMSGSIZE;
      largestSegment = Math.min(largestSegment, size ? segmentBytes - 1 : 0);
    }
  }

  /** Sends the datagrams of a train one by one. */
  private void sendApart(Batch batch, int slot, Account account) {
    int datagrams = batch.datagrams(slot);
    for (int first = 0; first < datagrams; ) {
      Batch parts = batch.parts(slot, first);
      send(parts, 0, parts.filled(), 0, account);
      first += parts.filled();
    }
  }

  private void tell(int errno) {
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
      owner.readable();
    } catch (Throwable bug) {
      Worker.report(bug);
    }
  }

  private int number() {
    return fd.intValue();
  }
}
