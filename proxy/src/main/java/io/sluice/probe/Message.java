package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Bytes of the operator's choice, and what to look for in the answer. */
final class Message implements Question {
  private final byte[] send;
  private final @Nullable Pattern expect;
  private final @Nullable Pattern drain;

  Message(byte[] send, @Nullable Pattern expect, @Nullable Pattern drain) {
    this.send = send;
    this.expect = expect;
    this.drain = drain;
  }

  @Override
  public byte[] datagram() {
    return send;
  }

  /** There is no id to go by: whatever comes is the answer. */
  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    String answer = ISO_8859_1.decode(datagram).toString();
    if (drain != null && Search.found(drain, answer)) {
      throw new LameDuck("asks to be drained: " + Reason.quoted(answer));
    }
    if (expect != null && !Search.found(expect, answer)) {
      throw new IOException("answer does not match expect: " + Reason.quoted(answer));
    }
    return true;
  }

  @Override
  public boolean mayGoUnanswered() {
    return expect == null;
  }
}
