package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A protocol's two sides: the probe, and the answer of a healthy server to a question. */
record Spoken(
    String name, Probe probe, Question.Protocol protocol, UnaryOperator<byte[]> rightAnswer) {
  static final String SECRET = "xyzzy5461";

  static List<Spoken> all() {
    Pattern pong = Pattern.compile("^pong \\d+$");
    byte[] ping = "ping".getBytes(ISO_8859_1);
    return List.of(
        new Spoken(
            "udp",
            Probes.udp(ping, pong, null),
            (_, _) -> new Message(ping, pong, null),
            _ -> "pong 7".getBytes(ISO_8859_1)),
        new Spoken(
            "dns",
            Probes.dns("www.example.org", "AAAA", true),
            (_, _) -> new DnsQuery(DnsQuery.question("www.example.org", "AAAA"), true),
            Spoken::dns),
        new Spoken(
            "radius",
            Probes.radius(SECRET),
            (_, _) -> new StatusServer(SECRET),
            question -> radius(question, 2, true)),
        new Spoken("stun", Probes.stun(), (_, _) -> new StunBinding(), Spoken::stun),
        new Spoken(
            "sip-options",
            Probes.sipOptions(),
            SipOptions::new,
            question -> sip(question, "200 OK")),
        new Spoken("quic", Probes.quic(), (_, _) -> new VersionNegotiation(), Spoken::quic),
        new Spoken(
            "ntp", Probes.ntp(), (_, _) -> new NtpQuery(), question -> ntp(question, 0x24, 2)));
  }

  Question ask() {
    var loopback = new InetSocketAddress(InetAddress.getLoopbackAddress(), 5);
    return protocol.ask(loopback, loopback);
  }

  /** The right answer to another question of the same kind. */
  byte[] answerToAnother() {
    return rightAnswer.apply(ask().datagram());
  }

  /** The question, with QR, RA and one record: a pointer to the name, AAAA, IN, 60 s, ::1. */
  static byte[] dns(byte[] question) {
    return ByteBuffer.allocate(question.length + 28)
        .put(question)
        .putShort((short) 0xc00c)
        .putShort((short) 28)
        .putShort((short) 1)
        .putInt(60)
        .putShort((short) 16)
        .putLong(0)
        .putLong(1)
        .putShort(2, (short) 0x8180)
        .putShort(6, (short) 1)
        .array();
  }

  /** With a Reply-Message, and a Message-Authenticator if {@code signed}. */
  static byte[] radius(byte[] question, int code, boolean signed) {
    byte[] message = {18, 4, 'o', 'k'};
    int length = 20 + message.length + (signed ? 18 : 0);
    ByteBuffer answer =
        ByteBuffer.allocate(length)
            .put((byte) code)
            .put(question[1])
            .putShort((short) length)
            .put(question, 4, 16)
            .put(message);
    if (signed) {
      answer.put((byte) 80).put((byte) 18);
      answer.put(answer.position(), hmac(answer.array()));
    }
    return answer.put(4, md5(answer.array())).array();
  }

  /** The same packet with a response authenticator that fits it. */
  static byte[] resigned(byte[] question, byte[] answer) {
    ByteBuffer asSigned = ByteBuffer.wrap(answer.clone()).put(4, question, 4, 16);
    return asSigned.put(4, md5(asSigned.array())).array();
  }

  private static byte[] hmac(byte[] packet) {
    try {
      var mac = Mac.getInstance("HmacMD5");
      mac.init(new SecretKeySpec(SECRET.getBytes(ISO_8859_1), "HmacMD5"));
      return mac.doFinal(packet);
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] md5(byte[] packet) {
    try {
      var md5 = MessageDigest.getInstance("MD5");
      md5.update(packet);
      return md5.digest(SECRET.getBytes(ISO_8859_1));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  /** SOFTWARE of 5 bytes, padded, and XOR-MAPPED-ADDRESS. */
  static byte[] stun(byte[] question) {
    return ByteBuffer.allocate(20 + 12 + 12)
        .putShort((short) 0x0101)
        .putShort((short) 24)
        .put(question, 4, 16)
        .putInt(0x8022_0005)
        .put("sluic".getBytes(ISO_8859_1))
        .put(new byte[3])
        .putInt(0x0020_0008)
        .putLong(0x0001_a147_e112_a643L)
        .array();
  }

  static byte[] sip(byte[] question, String status) {
    String headers =
        new String(question, ISO_8859_1)
            .lines()
            .skip(1)
            .filter(line -> line.matches("(Via|From|To|Call-ID|CSeq):.*"))
            .map(line -> line.replaceFirst("^Via:", "v:").replaceFirst("^Call-ID:", "i :"))
            .reduce("", (all, line) -> all + line + "\r\n");
    return ("SIP/2.0 " + status + "\r\n" + headers + "l: 0\r\n\r\n").getBytes(ISO_8859_1);
  }

  /** Versions 1 and 2. */
  static byte[] quic(byte[] question) {
    byte[] destination = Arrays.copyOfRange(question, 6, 14);
    byte[] source = Arrays.copyOfRange(question, 15, 23);
    return ByteBuffer.allocate(31)
        .put((byte) 0x80)
        .putInt(0)
        .put((byte) 8)
        .put(source)
        .put((byte) 8)
        .put(destination)
        .putInt(1)
        .putInt(0x6b33_43cf)
        .array();
  }

  static byte[] ntp(byte[] question, int first, int stratum) {
    return ByteBuffer.allocate(48)
        .put((byte) first)
        .put((byte) stratum)
        .put(12, "RATE".getBytes(ISO_8859_1))
        .put(24, question, 40, 8)
        .array();
  }

  @Override
  public String toString() {
    return name;
  }
}
