package io.sluice.trace;

import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The last so many datagrams at the front sides of one worker, each with its first bytes: laid out
 * once, so that an entry costs a few stores. On its loop only; what others read is a {@link #copy}.
 */
public final class Recorder {
  /** Payload bytes kept of each: a cache line, which holds the header of most protocols. */
  public static final int PAYLOAD_BYTES = 64;

  private static final int WORDS = 8;
  private static final int AT = 0;
  private static final int BYTES = 1;
  private static final int FLOW = 2;
  private static final int CLIENT = 3;
  private static final int LOCAL = 6;

  /** Where it was seen: a front, and one of its listen addresses. */
  public record Place(String side, Address listen) {}

  private static final Drop[] DROPS = Drop.values();

  private final int entries;
  private final long[] words;
  private final byte[] payloads;
  private final @Nullable Place[] places;
  private final @Nullable String[] backends;

  /** The entry to be written next. */
  private int next;

  private long entered;

  public Recorder(int entries) {
    this.entries = entries;
    words = new long[entries * WORDS];
    payloads = new byte[entries * PAYLOAD_BYTES];
    places = new Place[entries];
    backends = new String[entries];
  }

  private Recorder(Recorder other) {
    entries = other.entries;
    words = other.words.clone();
    payloads = other.payloads.clone();
    places = other.places.clone();
    backends = other.backends.clone();
    next = other.next;
    entered = other.entered;
  }

  /** As it is now: to make sightings of its entries takes a loop too long. */
  public Recorder copy() {
    return new Recorder(this);
  }

  /**
   * Begins an entry in place of the oldest and returns it; its words and its payload are the
   * caller's to fill in.
   *
   * @param bytes of each datagram
   * @param datagrams so many alike, a train
   */
  public int enter(
      long atNanos,
      Place place,
      boolean inbound,
      @Nullable Drop drop,
      long flow,
      @Nullable String backend,
      int bytes,
      int datagrams) {
    int entry = next;
    next = entry + 1 == entries ? 0 : entry + 1;
    entered++;
    int at = entry * WORDS;
    int verdict = drop == null ? 0 : drop.ordinal() + 1;
    words[at + AT] = atNanos;
    words[at + BYTES] =
        (long) datagrams << 48 | (long) verdict << 40 | (inbound ? 1L << 32 : 0) | bytes;
    words[at + FLOW] = flow;
    places[entry] = place;
    backends[entry] = backend;
    return entry;
  }

  /** Where an entry's five words go: the client's head, hi and lo, and the local hi and lo. */
  public long[] words() {
    return words;
  }

  /** Of them the first. */
  public int wordsAt(int entry) {
    return entry * WORDS + CLIENT;
  }

  /** Where its first {@link #PAYLOAD_BYTES} go. */
  public byte[] payloads() {
    return payloads;
  }

  public int payloadAt(int entry) {
    return entry * PAYLOAD_BYTES;
  }

  /** All that is kept, oldest first. */
  public List<Sighting> entries() {
    List<Sighting> kept = new ArrayList<>();
    int count = (int) Math.min(entered, entries);
    for (int i = 0; i < count; i++) {
      kept.add(sighting(Math.floorMod(next - count + i, entries)));
    }
    return kept;
  }

  private Sighting sighting(int entry) {
    int at = entry * WORDS;
    Place place = places[entry];
    if (place == null) {
      throw new IllegalStateException("entry " + entry + " was never written");
    }
    long packed = words[at + BYTES];
    int bytes = (int) packed;
    int verdict = (int) (packed >>> 40) & 0xFF;
    boolean inbound = (packed >>> 32 & 1) != 0;
    int payload = entry * PAYLOAD_BYTES;
    Address client =
        new Address(words[at + CLIENT], words[at + CLIENT + 1], words[at + CLIENT + 2], 0);
    Address local = local(place.listen(), client, words[at + LOCAL], words[at + LOCAL + 1]);
    return new Sighting(
        words[at + AT],
        place.side(),
        inbound,
        inbound ? client : local,
        inbound ? local : client,
        bytes,
        Arrays.copyOfRange(payloads, payload, payload + Math.min(bytes, PAYLOAD_BYTES)),
        (int) (packed >>> 48),
        verdict == 0 ? null : DROPS[verdict - 1],
        words[at + FLOW],
        backends[entry]);
  }

  private static Address local(Address listen, Address client, long hi, long lo) {
    return listen.isWildcard() ? Address.local(client.isIpv6(), hi, lo, listen.port(), 0) : listen;
  }
}
