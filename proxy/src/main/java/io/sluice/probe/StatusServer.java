package io.sluice.probe;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * RADIUS Status-Server (RFC 5997), signed by a Message-Authenticator (RFC 3579, section 3.2:
 * HMAC-MD5, RFC 2104).
 *
 * <p>What is signed wrongly is not the server's word, and so a stray. An answer need not carry a
 * Message-Authenticator (accounting servers send none, others only since 2024), but what it carries
 * must be right.
 */
final class StatusServer implements Question {
  private static final int STATUS_SERVER = 12;
  private static final int ACCESS_ACCEPT = 2;
  private static final int ACCOUNTING_RESPONSE = 5;
  private static final int MESSAGE_AUTHENTICATOR = 80;

  private static final int HEADER = 20;
  private static final int AUTHENTICATOR_AT = 4;
  private static final int AUTHENTICATOR = 16;
  private static final int MOST = 4_096;

  private final byte[] secret;
  private final byte[] request;

  StatusServer(String secret) {
    this(secret, Chance.bytes(1)[0], Chance.bytes(AUTHENTICATOR));
  }

  StatusServer(String secret, byte id, byte[] authenticator) {
    this.secret = secret.getBytes(UTF_8);
    int length = HEADER + 2 + AUTHENTICATOR;
    request =
        ByteBuffer.allocate(length)
            .put((byte) STATUS_SERVER)
            .put(id)
            .putShort((short) length)
            .put(authenticator)
            .put((byte) MESSAGE_AUTHENTICATOR)
            .put((byte) (2 + AUTHENTICATOR))
            .array();
    byte[] signature = signature(request);
    System.arraycopy(signature, 0, request, HEADER + 2, AUTHENTICATOR);
  }

  @Override
  public byte[] datagram() {
    return request.clone();
  }

  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    int length = Short.toUnsignedInt(datagram.getShort(2));
    if (datagram.get(1) != request[1]
        || length < HEADER
        || length > Math.min(MOST, datagram.remaining())) {
      return false;
    }
    byte[] answer = new byte[length]; // RFC 2865, section 3: what is beyond it is padding
    datagram.get(0, answer);
    if (!isSigned(answer)) {
      return false;
    }
    int code = Byte.toUnsignedInt(answer[0]);
    if (code != ACCESS_ACCEPT && code != ACCOUNTING_RESPONSE) {
      throw new IOException("answered code " + code + ", neither accept nor accounting response");
    }
    return true;
  }

  private boolean isSigned(byte[] answer) {
    byte[] asSigned = answer.clone();
    System.arraycopy(request, AUTHENTICATOR_AT, asSigned, AUTHENTICATOR_AT, AUTHENTICATOR);
    byte[] authenticator =
        Arrays.copyOfRange(answer, AUTHENTICATOR_AT, AUTHENTICATOR_AT + AUTHENTICATOR);
    return MessageDigest.isEqual(authenticator, md5(asSigned)) && isMessageSigned(asSigned);
  }

  /**
   * @param asSigned with the request's authenticator in place of its own
   */
  private boolean isMessageSigned(byte[] asSigned) {
    int at = HEADER;
    while (at < asSigned.length) {
      int size = at + 1 < asSigned.length ? Byte.toUnsignedInt(asSigned[at + 1]) : 0;
      if (size < 2 || at + size > asSigned.length) {
        return false;
      }
      if (asSigned[at] == MESSAGE_AUTHENTICATOR) {
        byte[] theirs = Arrays.copyOfRange(asSigned, at + 2, at + size);
        byte[] blank = asSigned.clone();
        Arrays.fill(blank, at + 2, at + size, (byte) 0);
        return MessageDigest.isEqual(theirs, signature(blank));
      }
      at += size;
    }
    return true;
  }

  private byte[] signature(byte[] packet) {
    try {
      Mac mac = Mac.getInstance("HmacMD5");
      mac.init(new SecretKeySpec(secret, "HmacMD5"));
      return mac.doFinal(packet);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has HmacMD5", e);
    }
  }

  private byte[] md5(byte[] packet) {
    try {
      MessageDigest md5 = MessageDigest.getInstance("MD5");
      md5.update(packet);
      return md5.digest(secret);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has MD5", e);
    }
  }
}
