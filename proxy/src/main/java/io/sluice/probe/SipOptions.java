package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * SIP OPTIONS (RFC 3261, section 11). Whoever answers for good lives, whatever it thinks of us:
 * 404, 405, 407 and the like pass. Not so the server's own failures (5xx), but for 501, which only
 * says that it does not know OPTIONS.
 */
final class SipOptions implements Question {
  private static final Pattern STATUS = Pattern.compile("SIP/2\\.0 ([1-6]\\d\\d)(?: .*)?");
  private static final int NOT_IMPLEMENTED = 501;

  private final String branch = "z9hG4bK" + Chance.hex(8); // RFC 3261's mark, section 8.1.1.7
  private final String callId = Chance.hex(16);
  private final byte[] request;

  SipOptions(InetSocketAddress from, InetSocketAddress target) {
    String us = shown(from);
    String them = shown(target);
    request =
        String.join(
                "\r\n",
                "OPTIONS sip:" + them + " SIP/2.0",
                "Via: SIP/2.0/UDP " + us + ";rport;branch=" + branch,
                "Max-Forwards: 70",
                "From: <sip:sluice@" + us + ">;tag=" + Chance.hex(4),
                "To: <sip:" + them + ">",
                "Call-ID: " + callId,
                "CSeq: 1 OPTIONS",
                "Contact: <sip:sluice@" + us + ">",
                "Accept: application/sdp",
                "Content-Length: 0",
                "",
                "")
            .getBytes(ISO_8859_1);
  }

  @Override
  public byte[] datagram() {
    return request.clone();
  }

  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    String text = ISO_8859_1.decode(datagram).toString();
    int bodyAt = text.indexOf("\r\n\r\n");
    String[] lines = text.substring(0, bodyAt < 0 ? text.length() : bodyAt).split("\r\n", -1);
    Matcher status = STATUS.matcher(lines[0]);
    if (!status.matches() || !isOurs(lines)) {
      return false;
    }
    int code = Integer.parseInt(status.group(1));
    if (code >= 500 && code < 600 && code != NOT_IMPLEMENTED) {
      throw new IOException("answered " + Reason.quoted(lines[0]));
    }
    return code >= 200; // 1xx only says that an answer is to come
  }

  /** The topmost Via is ours, as it was alone; names may be short (RFC 3261, section 7.3.3). */
  private boolean isOurs(String[] lines) {
    boolean call = false;
    boolean via = false;
    for (String line : lines) {
      int colon = line.indexOf(':');
      String name = colon < 0 ? "" : line.substring(0, colon).strip();
      String value = line.substring(colon + 1).strip();
      call |=
          (name.equalsIgnoreCase("Call-ID") || name.equalsIgnoreCase("i")) && value.equals(callId);
      via |= (name.equalsIgnoreCase("Via") || name.equalsIgnoreCase("v")) && value.contains(branch);
    }
    return call && via;
  }

  private static String shown(InetSocketAddress address) {
    String ip = address.getAddress().getHostAddress();
    int scope = ip.indexOf('%');
    String bare = scope < 0 ? ip : ip.substring(0, scope);
    boolean v6 = address.getAddress() instanceof Inet6Address;
    return (v6 ? "[" + bare + "]" : bare) + ":" + address.getPort();
  }
}
