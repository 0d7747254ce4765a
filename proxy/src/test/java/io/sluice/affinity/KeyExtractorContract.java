package io.sluice.affinity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongToIntFunction;
import org.junit.jupiter.api.Test;

/** What the seam asks of every key extractor; a test of one, a plug-in's too, implements this. */
public interface KeyExtractorContract {
  long SEED = 42;

  /** The extractor under test. */
  KeyExtractor extractor();

  /** Datagrams that each deserve a key of their own: every field of client and payload differs. */
  default Datagram datagram(int i) {
    byte[] payload = new byte[64];
    ByteBuffer words = ByteBuffer.wrap(payload);
    while (words.hasRemaining()) {
      words.putLong(i * 0x0001_0000_0001L); // i, twice
    }
    return new Datagram(client("10." + (i >> 8) + "." + (i & 0xff) + ".7", 1_024 + i), payload);
  }

  @Test
  default void sameDatagramMakesTheSameKeyWhateverBufferHoldsIt() {
    for (int i = 0; i < 100; i++) {
      Datagram datagram = datagram(i);
      long key = keyOf(datagram);
      buffers(datagram.bytes(64))
          .forEach(
              (kind, buffer) -> {
                assertThat(extractor().keyOf(datagram.client, buffer)).as(kind).isEqualTo(key);
                buffer.release();
              });
    }
  }

  @Test
  default void bufferIsLeftAsItWas() {
    for (int length = 0; length <= 64; length++) {
      Datagram datagram = datagram(length);
      buffers(datagram.bytes(length))
          .forEach(
              (kind, buffer) -> {
                int reader = buffer.readerIndex();
                int writer = buffer.writerIndex();
                byte[] bytes = ByteBufUtil.getBytes(buffer);
                extractor().keyOf(datagram.client, buffer);
                assertThat(buffer.readerIndex()).as(kind).isEqualTo(reader);
                assertThat(buffer.writerIndex()).as(kind).isEqualTo(writer);
                assertThat(buffer.refCnt()).as(kind).isEqualTo(1);
                assertThat(ByteBufUtil.getBytes(buffer)).as(kind).isEqualTo(bytes);
                buffer.release();
              });
    }
  }

  @Test
  default void bytesOutsideTheReadableOnesDoNotCount() {
    Datagram datagram = datagram(3);
    for (int length = 0; length <= 64; length++) {
      byte[] payload = datagram.bytes(length);
      long alone = keyOf(new Datagram(datagram.client, payload));
      ByteBuf slot = Unpooled.buffer().writeLong(-1).writeBytes(payload).writeLong(-1);
      slot.readerIndex(8).writerIndex(8 + length);
      assertThat(extractor().keyOf(datagram.client, slot)).as("%d bytes", length).isEqualTo(alone);
      slot.release();
    }
  }

  @Test
  default void extractorsMadeAlikeMakeTheSameKey() {
    KeyExtractor other = extractor();
    for (int i = 0; i < 1_000; i++) {
      Datagram datagram = datagram(i);
      assertThat(other.keyOf(datagram.client, datagram.payload)).isEqualTo(keyOf(datagram));
    }
  }

  @Test
  default void emptyDatagramsFallBackToTheClient() {
    long[] keys = new long[100];
    Arrays.setAll(keys, i -> keyOf(new Datagram(datagram(i).client, new byte[0])));
    assertThat(keys).doesNotHaveDuplicates();
  }

  @Test
  default void ipv4MappedClientsAreTheirIpv4Selves() {
    for (int i = 0; i < 100; i++) {
      Datagram datagram = datagram(i);
      for (byte[] payload : new byte[][] {datagram.bytes(64), {}}) {
        long mapped = keyOf(new Datagram(mapped(datagram.client), payload));
        assertThat(mapped).isEqualTo(keyOf(new Datagram(datagram.client, payload)));
      }
    }
  }

  @Test
  default void keysFillAThousandBucketsEvenlyByAnyOfTheirBits() {
    assertEven("the remainder", key -> (int) Long.remainderUnsigned(key, 1_000));
    assertEven("the high bits", key -> (int) Math.unsignedMultiplyHigh(key, 1_000));
    assertEven("the middle bits", key -> (int) ((((key >>> 27) & 0xffff_ffffL) * 1_000) >>> 32));
  }

  private void assertEven(String by, LongToIntFunction bucket) {
    int n = 50_000;
    double due = n / 1_000.0;
    int[] counts = new int[1_000];
    for (int i = 0; i < n; i++) {
      counts[bucket.applyAsInt(keyOf(datagram(i)))]++;
    }
    double chiSquare = Arrays.stream(counts).mapToDouble(c -> (c - due) * (c - due) / due).sum();
    // 999 degrees of freedom: mean 999, standard deviation 45; six of them. Far less would be as
    // odd: keys that are counted rather than mixed.
    assertThat(chiSquare).as("chi-square by %s", by).isCloseTo(999, within(270.0));
  }

  /** The key of a datagram. */
  default long keyOf(Datagram datagram) {
    return extractor().keyOf(datagram.client, datagram.payload);
  }

  /**
   * Asserts that each of the first {@code bits} bits of the payload flips half of the key's, and
   * that no later one flips any.
   */
  default void assertAvalanche(KeyedBytes key, int length, int firstBit, int bits) {
    SplittableRandom random = new SplittableRandom(SEED);
    int rounds = 500;
    // Each round tosses 64 coins, standard deviation 4; few bits make few rounds that differ.
    double tosses = Math.min(rounds, Math.pow(2, bits - 1));
    double noise = 6 * 4 * rounds / Math.sqrt(tosses);
    for (int bit = 0; bit < length * 8; bit++) {
      long flipped = 0;
      for (int round = 0; round < rounds; round++) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        long before = key.of(bytes);
        bytes[bit / 8] ^= (byte) (0x80 >> bit % 8);
        flipped += Long.bitCount(before ^ key.of(bytes));
      }
      boolean counts = bit >= firstBit && bit < firstBit + bits;
      assertThat((double) flipped)
          .as("key bits flipped by bit %d in %d rounds, seed %d", bit, rounds, SEED)
          .isCloseTo(counts ? rounds * 32.0 : 0, within(counts ? noise : 0));
    }
  }

  /** The key of some bytes, wherever they stand. */
  interface KeyedBytes {
    long of(byte[] bytes);
  }

  /** A client and what it sent. */
  record Datagram(InetSocketAddress client, ByteBuf payload) {
    public Datagram(InetSocketAddress client, byte[] payload) {
      this(client, Unpooled.wrappedBuffer(payload));
    }

    /** The first bytes of the payload. */
    byte[] bytes(int length) {
      return ByteBufUtil.getBytes(payload, 0, length);
    }
  }

  /** A client with a literal address. */
  static InetSocketAddress client(String ip, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(ip), port);
  }

  /** A client with an address of 4 or 16 bytes; 16 are never turned into 4. */
  static InetSocketAddress client(byte[] ip, int port) {
    try {
      return new InetSocketAddress(
          ip.length == 4
              ? InetAddress.getByAddress(ip)
              : java.net.Inet6Address.getByAddress(null, ip, -1),
          port);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static InetSocketAddress mapped(InetSocketAddress client) {
    byte[] ip =
        ByteBuffer.allocate(16)
            .putLong(0)
            .putInt(0xffff)
            .put(client.getAddress().getAddress())
            .array();
    return client(ip, client.getPort());
  }

  /** The same bytes in every kind of buffer. */
  private static Map<String, ByteBuf> buffers(byte[] bytes) {
    Map<String, ByteBuf> buffers = new LinkedHashMap<>();
    int half = bytes.length / 2;
    buffers.put("heap", Unpooled.copiedBuffer(bytes));
    buffers.put("direct", Unpooled.directBuffer(64).writeBytes(bytes));
    buffers.put("read from 3", Unpooled.directBuffer().writeZero(3).writeBytes(bytes).skipBytes(3));
    buffers.put(
        "slice",
        Unpooled.buffer().writeZero(5).writeBytes(bytes).writeZero(9).slice(5, bytes.length));
    buffers.put(
        "composite",
        Unpooled.wrappedBuffer(
            Unpooled.copiedBuffer(bytes, 0, half),
            Unpooled.copiedBuffer(bytes, half, bytes.length - half)));
    buffers.put("read-only", Unpooled.copiedBuffer(bytes).asReadOnly());
    buffers.put("little-endian", littleEndian(bytes));
    return buffers;
  }

  @SuppressWarnings("deprecation") // such buffers exist as long as the method does
  private static ByteBuf littleEndian(byte[] bytes) {
    return Unpooled.copiedBuffer(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
  }
}
