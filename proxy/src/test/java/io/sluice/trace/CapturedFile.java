package io.sluice.trace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads pcapng as draft-ietf-opsawg-pcapng has it, and nothing that Sluice does not write. */
public final class CapturedFile {
  private static final int END = 0;
  private static final int COMMENT = 1;

  /** A packet; the options by code. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Packet(
      String side,
      long epochNanos,
      int originalBytes,
      byte[] bytes,
      Map<Integer, List<byte[]>> options) {
    public List<String> comments() {
      return options.getOrDefault(COMMENT, List.of()).stream()
          .map(bytes -> new String(bytes, UTF_8))
          .toList();
    }

    public boolean isInbound() {
      return ByteBuffer.wrap(only(options, 2)).order(ByteOrder.LITTLE_ENDIAN).getInt() == 1;
    }

    /** What comes after the made-up headers. */
    public byte[] payload() {
      int headers = (bytes[0] >> 4 == 6 ? 40 : 20) + 8;
      return Arrays.copyOfRange(bytes, headers, bytes.length);
    }

    /** The reason, or nothing. */
    public String drop() {
      return comments().stream()
          .filter(comment -> comment.startsWith("dropped: "))
          .map(comment -> comment.substring("dropped: ".length()))
          .findFirst()
          .orElse("");
    }
  }

  /** What an interface has seen, and what of that is missing. */
  public record Statistics(String side, long seen, long lost, String comment) {}

  public final List<String> sides = new ArrayList<>();
  public final List<Packet> packets = new ArrayList<>();
  public final List<Statistics> statistics = new ArrayList<>();
  private final ByteBuffer in;

  public CapturedFile(byte[] bytes) {
    in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(in.getInt(0)).isEqualTo(0x0A0D0D0A);
    assertThat(in.getInt(8)).isEqualTo(0x1A2B3C4D);
    while (in.hasRemaining()) {
      int start = in.position();
      int type = in.getInt();
      int length = in.getInt();
      assertThat(length % 4).isZero();
      assertThat(in.getInt(start + length - 4)).as("length at the end").isEqualTo(length);
      read(type, start + length - 4);
      in.position(start + length);
    }
  }

  private void read(int type, int end) {
    switch (type) {
      case 1 -> {
        assertThat(in.getShort()).as("raw IP").isEqualTo((short) 101);
        in.position(in.position() + 6);
        Map<Integer, List<byte[]>> options = options(end);
        assertThat(only(options, 9)).as("nanoseconds").containsExactly(9);
        sides.add(new String(only(options, 2), UTF_8));
      }
      case 5 -> {
        String side = sides.get(in.getInt());
        in.getLong();
        Map<Integer, List<byte[]>> options = options(end);
        String comment =
            options.containsKey(COMMENT) ? new String(only(options, COMMENT), UTF_8) : "";
        statistics.add(
            new Statistics(side, number(only(options, 4)), number(only(options, 5)), comment));
      }
      case 6 -> {
        String side = sides.get(in.getInt());
        long time = Integer.toUnsignedLong(in.getInt()) << 32 | Integer.toUnsignedLong(in.getInt());
        byte[] bytes = new byte[in.getInt()];
        int original = in.getInt();
        in.get(bytes);
        in.position(in.position() + (-bytes.length & 3));
        packets.add(new Packet(side, time, original, bytes, options(end)));
      }
      case 0x0A0D0D0A -> {}
      default -> throw new AssertionError("block of type " + type);
    }
  }

  private static byte[] only(Map<Integer, List<byte[]>> options, int code) {
    return options.getOrDefault(code, List.of()).getFirst();
  }

  private static long number(byte[] option) {
    return ByteBuffer.wrap(option).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  private Map<Integer, List<byte[]>> options(int end) {
    Map<Integer, List<byte[]>> options = new HashMap<>();
    while (in.position() < end) {
      int code = in.getShort();
      byte[] value = new byte[Short.toUnsignedInt(in.getShort())];
      if (code == END) {
        assertThat(in.position()).isEqualTo(end);
      }
      in.get(value);
      in.position(in.position() + (-value.length & 3));
      options.computeIfAbsent(code, none -> new ArrayList<>()).add(value);
    }
    return options;
  }
}
