package io.sluice.probe;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/**
 * DNS (RFC 1035): one question. NXDOMAIN is as good an answer as NOERROR; REFUSED, SERVFAIL and the
 * like are not.
 */
final class DnsQuery implements Question {
  private final Record question;
  private final Message query = new Message();

  DnsQuery(Record question, boolean recursion) {
    this.question = question;
    Header header = query.getHeader();
    header.setID(Short.toUnsignedInt(ByteBuffer.wrap(Chance.bytes(2)).getShort()));
    header.setOpcode(Opcode.QUERY);
    if (recursion) {
      header.setFlag(Flags.RD);
    }
    query.addRecord(question, org.xbill.DNS.Section.QUESTION);
  }

  /** The question for a name and a type, as {@code www.example.org} and {@code AAAA}. */
  static Record question(String name, String type) {
    try {
      return Record.newRecord(Name.fromString(name, Name.root), Type.value(type), DClass.IN);
    } catch (TextParseException e) {
      throw new IllegalArgumentException(name + " is no DNS name", e);
    }
  }

  @Override
  public byte[] datagram() {
    return query.toWire();
  }

  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    if (Short.toUnsignedInt(datagram.getShort(0)) != query.getHeader().getID()) {
      return false;
    }
    Message answer = parsed(datagram);
    Record asked = answer.getQuestion();
    Header header = answer.getHeader();
    if (!header.getFlag(Flags.QR)
        || header.getOpcode() != Opcode.QUERY
        || (asked != null && !asked.equals(question))) {
      return false;
    }
    int rcode = header.getRcode();
    if (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN) {
      throw new IOException("answered " + Rcode.string(rcode));
    }
    if (asked == null) {
      throw new IOException("answered without the question");
    }
    return true;
  }

  private static Message parsed(ByteBuffer datagram) throws IOException {
    byte[] bytes = new byte[datagram.remaining()];
    datagram.get(bytes);
    try {
      return new Message(bytes);
    } catch (IOException | RuntimeException e) {
      throw new IOException("answered what is no DNS message: " + e.getMessage(), e);
    }
  }
}
