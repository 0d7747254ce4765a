package io.sluice.probe;

import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Record;

/**
 * The built-in probes, named as {@code health.probe.type} names them. All but {@code udp} without
 * {@code expect} and {@code tcp} want the answer of a working server; patterns are looked for
 * anywhere in an answer, read as ISO 8859-1.
 */
public final class Probes {
  /** What no plug-in may be called. */
  public static final Set<String> BUILT_IN =
      Set.of("dns", "http", "ntp", "quic", "radius", "sip-options", "stun", "tcp", "udp");

  private Probes() {}

  /**
   * {@code udp}: a datagram and what the answer looks like.
   *
   * @param expect null: any answer will do, and none, too, unless the port is refused (ICMP); that
   *     proves little
   * @param drain an answer that matches makes its sender a lame duck, whatever else it says
   */
  public static Probe udp(byte[] send, @Nullable Pattern expect, @Nullable Pattern drain) {
    byte[] datagram = send.clone();
    return new DatagramProbe((_, _) -> new Message(datagram, expect, drain));
  }

  /**
   * {@code dns}: NOERROR or NXDOMAIN to a question.
   *
   * @param type as {@code AAAA}
   * @param recursion whether the question asks for it
   */
  public static Probe dns(String name, String type, boolean recursion) {
    Record question = DnsQuery.question(name, type);
    return new DatagramProbe((_, _) -> new DnsQuery(question, recursion));
  }

  /** {@code radius}: Status-Server, signed, and a signed answer. */
  public static Probe radius(String secret) {
    return new DatagramProbe((_, _) -> new StatusServer(secret));
  }

  /** {@code stun}: Binding. */
  public static Probe stun() {
    return new DatagramProbe((_, _) -> new StunBinding());
  }

  /** {@code sip-options}: OPTIONS, and any final answer but 5xx. */
  public static Probe sipOptions() {
    return new DatagramProbe(SipOptions::new);
  }

  /** {@code quic}: the server lists its versions. */
  public static Probe quic() {
    return new DatagramProbe((_, _) -> new VersionNegotiation());
  }

  /** {@code ntp}: a synchronised clock. */
  public static Probe ntp() {
    return new DatagramProbe((_, _) -> new NtpQuery());
  }

  /** {@code tcp}: a connection is accepted. */
  public static Probe tcp() {
    return new TcpConnect();
  }

  /**
   * {@code http}: GET, without TLS.
   *
   * @param host the header; empty: the target's address
   * @param drain looked for in the first body of at most 64 KiB
   */
  public static Probe http(
      String path, String host, int lowestStatus, int highestStatus, @Nullable Pattern drain) {
    return new HttpGet(path, host, lowestStatus, highestStatus, drain);
  }
}
