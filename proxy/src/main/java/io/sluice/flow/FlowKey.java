package io.sluice.flow;

import io.sluice.net.Address;
import io.sluice.net.Batch;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/**
 * Who sent to where: a client's address, the listen address it came in by and, where that is a
 * wildcard, the very local address it used.
 *
 * <p>Kept as the kernel's words. A listener looks flows up with one key of its own that it fills
 * again for each datagram, so that a look-up allocates nothing; what a table keeps is a {@link
 * #copy} and never changes.
 *
 * <p>The hash is seeded: clients choose their addresses, and must not be able to choose them so
 * that they all meet in one bucket.
 */
public final class FlowKey {
  private static final long SEED_0;
  private static final long SEED_1;

  static {
    SecureRandom random = new SecureRandom();
    SEED_0 = random.nextLong();
    SEED_1 = random.nextLong() | 1;
  }

  private final int listener;
  private final boolean wildcard;
  private long head;
  private long hi;
  private long lo;
  private long localHi;
  private long localLo;
  private int scope;
  private int hash;

  /**
   * A key to look up with, of no datagram yet.
   *
   * @param listener which of the front's listen addresses
   * @param wildcard whether that stands for several local addresses
   */
  public FlowKey(int listener, boolean wildcard) {
    this.listener = listener;
    this.wildcard = wildcard;
  }

  /** Becomes the key of the datagram in a slot. */
  public FlowKey read(Batch batch, int slot) {
    head = batch.sourceHead(slot);
    boolean ipv6 = Address.isIpv6(head);
    hi = ipv6 ? batch.sourceHi(slot) : 0;
    lo = ipv6 ? batch.sourceLo(slot) : 0;
    scope = ipv6 ? batch.sourceScope(slot) : 0;
    if (wildcard) {
      localHi = batch.localHi(slot);
      localLo = batch.localLo(slot);
    }
    hash = hash();
    return this;
  }

  /**
   * Becomes that of the same client, but sent to where another key says: for a datagram that came
   * in by a socket which does not report the local address, because it has only one.
   */
  public FlowKey to(FlowKey other) {
    localHi = other.localHi;
    localLo = other.localLo;
    hash = hash();
    return this;
  }

  /**
   * Puts what this client sent into a batch, as if it had just been received.
   *
   * @param segmentBytes as it had when it was
   */
  void load(Batch batch, byte[] payload, int segmentBytes) {
    batch.load(payload, segmentBytes);
    batch.source(0, head, hi, lo, scope);
  }

  /** Whether the datagram in a slot was sent by this client. */
  boolean isFrom(Batch batch, int slot) {
    return head == batch.sourceHead(slot)
        && (!Address.isIpv6(head)
            || (hi == batch.sourceHi(slot)
                && lo == batch.sourceLo(slot)
                && scope == batch.sourceScope(slot)));
  }

  /** The same key, never to change. */
  public FlowKey copy() {
    FlowKey copy = new FlowKey(listener, wildcard);
    copy.head = head;
    copy.hi = hi;
    copy.lo = lo;
    copy.scope = scope;
    copy.localHi = localHi;
    copy.localLo = localLo;
    copy.hash = hash;
    return copy;
  }

  /** Whether a reply could be sent to the source. */
  public boolean isAnswerable() {
    return Address.isAnswerable(head, hi, lo);
  }

  /** What lies in some slots is to go back to this client, from the address it knows. */
  void answer(Batch batch, int from, int n) {
    batch.to(from, n, head, hi, lo, scope);
    if (wildcard) {
      batch.from(from, n, localHi, localLo);
    }
  }

  /** Puts the client's address, as head, hi and lo, and the two local words into an array. */
  void store(long[] into, int at) {
    into[at] = head;
    into[at + 1] = hi;
    into[at + 2] = lo;
    into[at + 3] = localHi;
    into[at + 4] = localLo;
  }

  public Address client() {
    return new Address(head, hi, lo, scope);
  }

  /**
   * The local address the client used.
   *
   * @param listen the listen address it came in by
   */
  public Address local(Address listen) {
    return wildcard
        ? Address.local(Address.isIpv6(head), localHi, localLo, listen.port(), scope)
        : listen;
  }

  /** Which of the front's listen addresses. */
  public int listener() {
    return listener;
  }

  /**
   * Folded 64 x 64 -> 128 bit products of the words with secret seeds, as in wyhash (Wang Yi,
   * github.com/wangyi-fudan/wyhash): without the seeds nobody can aim for a bucket.
   */
  private int hash() {
    long h = fold(head ^ SEED_0, SEED_1 ^ (long) listener << 32 ^ scope);
    h = fold(hi ^ h ^ SEED_0, lo ^ SEED_1);
    h = wildcard ? fold(localHi ^ h ^ SEED_0, localLo ^ SEED_1) : h;
    return (int) (h ^ h >>> 32);
  }

  private static long fold(long a, long b) {
    return a * b ^ Math.unsignedMultiplyHigh(a, b);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FlowKey that
        && head == that.head
        && hi == that.hi
        && lo == that.lo
        && scope == that.scope
        && listener == that.listener
        && localHi == that.localHi
        && localLo == that.localLo;
  }

  @Override
  public String toString() {
    return client().toString();
  }
}
