package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Slots for datagrams: what {@code recvmmsg} brings and, from the very same memory, what {@code
 * sendmmsg} takes away.
 *
 * <p>A slot holds one datagram or one <em>train</em>: datagrams of one sender and of equal size,
 * only the last of which may be shorter, that the kernel joined (UDP_GRO) and will part again on
 * the way out (UDP_SEGMENT). A slot holds the largest there is, so nothing is ever cut.
 *
 * <p>Everything the kernel reads is laid out once; only the fields that it changed in the slots
 * used last are reset. Owned by one event loop.
 */
public final class Batch {
  /** Slots that a system call moves at most. */
  public static final int SLOTS = 32;

  /** The largest UDP payload over IPv6 is 65,527 bytes; what UDP_GRO joins is at most 65,535. */
  private static final int PAYLOAD_BYTES = 65_536;

  /**
   * Slots start 5 cache lines apart modulo the page: at a stride of whole pages all their heads
   * would compete for the same few sets of the L1 cache.
   */
  private static final int STRIDE_BYTES = PAYLOAD_BYTES + 5 * 64;

  private final MemorySegment errno;
  private final MemorySegment payloads;

  /** Others' code looks at payloads by these: it can neither write nor release anything. */
  private final ByteBuf[] views = new ByteBuf[SLOTS];

  private final Incoming incoming;
  private final Outgoing outgoing;

  /** Payload bytes in each slot. */
  private final int[] bytes = new int[SLOTS];

  /** Bytes of each datagram of a train but the last; 0 where there is but one. */
  private final int[] segmentBytes = new int[SLOTS];

  /** Slots in use. */
  private int filled;

  /** A bit for each slot of which something was dropped. */
  private int lost;

  /** Why, for those. */
  private final @Nullable Drop[] reasons = new Drop[SLOTS];

  private @Nullable Batch parts;

  Batch() {
    Arena arena =
        Arena.ofAuto(); // reachable as long as the batch is, and a worker never drops its batch
    // Four bytes for good: of the global arena the JDK has nothing to keep alive during a call.
    errno = Linux.newErrno(Arena.global());
    payloads = arena.allocate((long) SLOTS * STRIDE_BYTES, 4096);
    incoming = new Incoming(arena, errno, SLOTS, payloads, STRIDE_BYTES, PAYLOAD_BYTES);
    outgoing = new Outgoing(arena, errno, SLOTS);
    for (int slot = 0; slot < SLOTS; slot++) {
      MemorySegment payload = payload(slot, PAYLOAD_BYTES).asReadOnly();
      views[slot] = Unpooled.unreleasableBuffer(Unpooled.wrappedBuffer(payload.asByteBuffer()));
    }
  }

  /** Empties all slots. */
  public void clear() {
    for (int slot = 0; slot < filled; slot++) {
      incoming.reset(slot);
    }
    filled = 0;
    lost = 0;
  }

  /** Slots not in use. */
  int free() {
    return SLOTS - filled;
  }

  /** Fills free slots from a socket; returns how many, or minus errno. */
  int receive(int fd) {
    int first = filled;
    int n = incoming.receive(fd, first, SLOTS - first);
    for (int slot = first; slot < first + n; slot++) {
      enter(incoming.length(slot), incoming.joined(slot));
    }
    return n;
  }

  /**
   * Fills one slot from a socket that neither joins datagrams nor need tell who sent them: cheaper,
   * as there is no header to fill in; returns 1, or minus errno.
   */
  int receiveOne(int fd) {
    int n = Linux.recv(errno, fd, payloadAddress(filled), PAYLOAD_BYTES);
    if (n < 0) {
      return n;
    }
    incoming.whole(filled);
    enter(n, 0);
    return 1;
  }

  private void enter(int length, int segment) {
    bytes[filled] = length;
    segmentBytes[filled] = segment < length ? segment : 0;
    outgoing.toPeer(filled);
    filled++;
  }

  /**
   * Puts what came some other way into slot 0, as if it were all that was received.
   *
   * @param segment {@link #segmentBytes} it had
   */
  public void load(byte[] payload, int segment) {
    clear();
    add(payload, segment);
  }

  /** Likewise into the next free slot. */
  public void add(byte[] payload, int segment) {
    MemorySegment.copy(payload, 0, payloads, JAVA_BYTE, payloadOffset(filled), payload.length);
    incoming.whole(filled);
    enter(payload.length, segment);
  }

  /** Sets the name in a slot: of the sender, where it did not come from the kernel. */
  public void source(int slot, long head, long hi, long lo, int scope) {
    incoming.name(slot, head, hi, lo, scope);
  }

  /** Payload bytes in a slot, of all its datagrams. */
  public int bytes(int slot) {
    return bytes[slot];
  }

  /** Payload bytes in slots {@code from} to {@code from + n - 1}. */
  public long bytes(int from, int n) {
    long sum = 0;
    for (int slot = from; slot < from + n; slot++) {
      sum += bytes[slot];
    }
    return sum;
  }

  /** Bytes of each datagram but the last of a train; 0 where there is but one. */
  public int segmentBytes(int slot) {
    return segmentBytes[slot];
  }

  /** Payload bytes of the largest datagram in a slot. */
  public int datagramBytes(int slot) {
    return segmentBytes[slot] == 0 ? bytes[slot] : segmentBytes[slot];
  }

  /** Datagrams in a slot. */
  public int datagrams(int slot) {
    int segment = segmentBytes[slot];
    return segment == 0 ? 1 : (bytes[slot] + segment - 1) / segment;
  }

  /** Datagrams in slots {@code from} to {@code from + n - 1}. */
  public int datagrams(int from, int n) {
    int sum = 0;
    for (int slot = from; slot < from + n; slot++) {
      sum += datagrams(slot);
    }
    return sum;
  }

  /** Whether the kernel had to cut the datagram to fit the slot. */
  public boolean truncated(int slot) {
    return incoming.truncated(slot);
  }

  /** Payload bytes of the last datagram of a train, the only one that may be smaller. */
  public int lastBytes(int slot) {
    return bytes[slot] - (datagrams(slot) - 1) * segmentBytes[slot];
  }

  /** Drops all datagrams of a train but the last. */
  public void keepLast(int slot) {
    int length = lastBytes(slot);
    MemorySegment.copy(
        payload(slot, bytes[slot]), bytes[slot] - length, payload(slot, length), 0, length);
    bytes[slot] = length;
    segmentBytes[slot] = 0;
  }

  /** Books all datagrams in slots {@code from} to {@code end - 1} as dropped. */
  public void drop(int from, int end, Drop reason, Account account) {
    account.dropped(reason, datagrams(from, end - from));
    for (int slot = from; slot < end; slot++) {
      lost(slot, reason);
    }
  }

  void lost(int slot, Drop reason) {
    reasons[slot] = reason;
    lost |= 1 << slot;
  }

  /** Why something in a slot was dropped; null if nothing was, so far. */
  public @Nullable Drop dropped(int slot) {
    return (lost >>> slot & 1) == 0 ? null : reasons[slot];
  }

  /** Copies {@code length} bytes of a slot, from its byte {@code from} on. */
  public void copy(int slot, int from, byte[] to, int at, int length) {
    assert 0 <= from && from + length <= bytes[slot] : length + " bytes of " + bytes[slot];
    MemorySegment.copy(payloads, JAVA_BYTE, payloadOffset(slot) + from, to, at, length);
  }

  /** One datagram of a slot, to be looked at and not kept: the next receive overwrites it. */
  public ByteBuf datagram(int slot, int datagram) {
    int at = datagram * segmentBytes[slot];
    return views[slot].setIndex(at, Math.min(at + datagramBytes(slot), bytes[slot]));
  }

  /**
   * Moves one datagram of a slot to the front of it, behind {@code end} bytes of others that were
   * before it; returns where it ends now.
   */
  public int keep(int slot, int datagram, int end) {
    int at = datagram * segmentBytes[slot];
    int length = Math.min(datagramBytes(slot), bytes[slot] - at);
    if (at != end) {
      MemorySegment all = payload(slot, bytes[slot]);
      MemorySegment.copy(all, at, all, end, length);
    }
    return end + length;
  }

  /** Ends a slot behind the datagrams that were {@link #keep kept}. */
  public void end(int slot, int end) {
    bytes[slot] = end;
    segmentBytes[slot] = segmentBytes[slot] < end ? segmentBytes[slot] : 0;
  }

  /** Copies what is in a slot into an earlier one, to be sent from there to the socket's peer. */
  public void move(int slot, int to) {
    MemorySegment.copy(payloads, payloadOffset(slot), payloads, payloadOffset(to), bytes[slot]);
    bytes[to] = bytes[slot];
    segmentBytes[to] = segmentBytes[slot];
    outgoing.toPeer(to);
  }

  /** Everything in a slot, to be copied. */
  public byte[] copy(int slot) {
    return payload(slot, bytes[slot]).toArray(JAVA_BYTE);
  }

  /** The first datagram in a slot, to be looked at and not kept: the next receive overwrites it. */
  public ByteBuf payload(int slot) {
    return views[slot].setIndex(0, datagramBytes(slot));
  }

  /** {@link Address#head} of the sender. */
  public long sourceHead(int slot) {
    return incoming.head(slot);
  }

  /** {@link Address#hi} of the sender; meaningless unless it is an IPv6 one. */
  public long sourceHi(int slot) {
    return incoming.hi(slot);
  }

  /** {@link Address#lo} of the sender; meaningless unless it is an IPv6 one. */
  public long sourceLo(int slot) {
    return incoming.lo(slot);
  }

  /** {@link Address#scope} of the sender; meaningless unless it is an IPv6 one. */
  public int sourceScope(int slot) {
    return incoming.scope(slot);
  }

  /** How many of {@code n} slots there are up to the last that is not from a peer. */
  int upToLastNotFrom(Address peer, int from, int n) {
    int count = n;
    while (count > 0 && incoming.isFrom(peer, from + count - 1)) {
      count--;
    }
    return count;
  }

  /**
   * First 8 bytes of the IPv6 address the datagram was sent to; 0 for IPv4, or if the socket does
   * not report it.
   */
  public long localHi(int slot) {
    return incoming.localHi(slot);
  }

  /**
   * Last 8 bytes of the IPv6 address, or the IPv4 address, the datagram was sent to; 0 if the
   * socket does not report it.
   */
  public long localLo(int slot) {
    return incoming.localLo(slot);
  }

  /**
   * What lies in slots {@code from} to {@code from + n - 1} is to go to the address of these {@link
   * Address} words, from whichever local address the socket and the routes choose. Unless told so,
   * it goes to the peer that the socket is connected to.
   */
  public void to(int from, int n, long head, long hi, long lo, int scope) {
    for (int slot = from; slot < from + n; slot++) {
      source(slot, head, hi, lo, scope);
    }
    outgoing.to(from, n, Address.isIpv6(head));
  }

  /**
   * Further to {@link #to}: it goes out from the local address that {@link #localHi} and {@link
   * #localLo} once answered.
   */
  public void from(int from, int n, long localHi, long localLo) {
    for (int slot = from; slot < from + n; slot++) {
      outgoing.from(slot, localHi, localLo);
    }
  }

  /**
   * Sends slots {@code from} to {@code end - 1}, or the first of them, in order and as they are;
   * returns the slot after the last one that left, or minus errno.
   *
   * @param largestSegment the socket cannot part trains of larger datagrams; the first slot is none
   */
  int send(int fd, int from, int end, int largestSegment) {
    assert 0 <= from && from < end && end <= filled : "slots " + from + "-" + end + " of " + filled;
    return outgoing.send(this, fd, from, end, largestSegment);
  }

  /**
   * After a {@link #send} that failed: the slot after those that failed together, as they were to
   * leave as one train.
   */
  int failedEnd() {
    return outgoing.firstEnd();
  }

  /**
   * Copies datagrams {@code first} and following of a train, as many as there is room for, each
   * into a slot of a batch of its own; valid until it is called again.
   */
  Batch parts(int slot, int first) {
    if (parts == null) {
      parts = new Batch();
    }
    Batch to = parts;
    to.clear();
    int segment = segmentBytes[slot];
    for (int at = first * segment; at < bytes[slot] && to.free() > 0; at += segment) {
      int length = Math.min(segment, bytes[slot] - at);
      MemorySegment.copy(
          payloads, payloadOffset(slot) + at, to.payloads, payloadOffset(to.filled), length);
      to.incoming.likewise(to.filled, incoming, slot);
      to.enter(length, 0);
      to.outgoing.likewise(to.filled - 1, outgoing, slot);
    }
    return to;
  }

  /** Slots in use. */
  public int filled() {
    return filled;
  }

  long payloadAddress(int slot) {
    return payloads.address() + payloadOffset(slot);
  }

  long nameAddress(int slot) {
    return incoming.nameAddress(slot);
  }

  private MemorySegment payload(int slot, int length) {
    return payloads.asSlice(payloadOffset(slot), length);
  }

  private static long payloadOffset(int slot) {
    return (long) slot * STRIDE_BYTES;
  }
}
