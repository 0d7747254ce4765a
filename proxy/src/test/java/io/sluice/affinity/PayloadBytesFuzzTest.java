package io.sluice.affinity;

import static io.sluice.affinity.KeyExtractorContract.client;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.net.InetSocketAddress;

/**
 * Any bytes at any offset make a key, and leave the buffer as it was. {@code mvn test} replays the
 * inputs among the resources; to look for new ones: {@code JAZZER_FUZZ=1 mvn -pl proxy test
 * -Dtest=PayloadBytesFuzzTest -Djazzer.hooks=true}.
 */
class PayloadBytesFuzzTest {
  @FuzzTest(maxDuration = "1m")
  void anyBytesMakeAKey(FuzzedDataProvider data) {
    KeyExtractor extractor =
        Keys.payload(
            data.consumeBoolean() ? data.consumeInt(0, 80) : data.consumeInt(0, Integer.MAX_VALUE),
            data.consumeInt(1, 64));
    InetSocketAddress client =
        client(data.consumeBoolean() ? "192.0.2.1" : "2001:db8::1", data.consumeInt(0, 65_535));
    int skipped = data.consumeInt(0, 16);
    byte[] bytes = data.consumeRemainingAsBytes();
    ByteBuf payload =
        Unpooled.buffer().writeZero(skipped).writeBytes(bytes).writeZero(16).skipBytes(skipped);
    payload.writerIndex(skipped + bytes.length);
    long key = extractor.keyOf(client, payload);
    if (payload.readerIndex() != skipped || payload.writerIndex() != skipped + bytes.length) {
      throw new AssertionError("the buffer's indices moved: " + payload);
    }
    ByteBuf copy = Unpooled.wrappedBuffer(bytes);
    if (extractor.keyOf(client, copy) != key) {
      throw new AssertionError("the same bytes made two keys");
    }
    payload.release();
  }
}
