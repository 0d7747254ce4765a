package io.sluice.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Numeric addresses, mostly with a port, {@code 192.0.2.1:53} or {@code [2001:db8::1]:53}. Nothing
 * here ever asks a name server: {@code InetAddress.ofLiteral} cannot, and only sees what the
 * pattern let through (alone it would take {@code 1.2} for 1.0.0.2).
 */
final class Endpoint {
  private static final String OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  private static final String V4 = OCTET + "(?:\\." + OCTET + "){3}";
  private static final String V6 = "([0-9A-Fa-f:.]+)(?:%([^\\]]+))?";
  private static final Pattern NUMERIC =
      Pattern.compile("(?:(" + V4 + ")|\\[" + V6 + "\\]):(\\d{1,5})");
  private static final Pattern IP = Pattern.compile("(" + V4 + ")|(?=[^%:]*:[^%:]*:)" + V6);
  private static final int NO_PORT = -1;
  private static final Pattern BARE_V6 = Pattern.compile("[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}");
  private static final String FORM = "write e.g. 192.0.2.1:53 or [2001:db8::1]:53";
  private static final Pattern NETWORK =
      Pattern.compile("(?:(" + V4 + ")|(?=[^:]*:[^:]*:)([0-9A-Fa-f:.]+))(?:/(\\d{1,3}))?");
  private static final String NETWORK_FORM = "write e.g. 192.0.2.0/24 or 2001:db8::/32";
  private static final String IP_FORM = "write e.g. 192.0.2.1 or 2001:db8::1";

  private Endpoint() {}

  /** Throws IllegalArgumentException with what is wrong and what to write instead. */
  static InetSocketAddress parse(String text, int lowestPort) {
    Matcher parts = NUMERIC.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException(whyNot(text));
    }
    int port = Integer.parseInt(parts.group(4));
    if (port < lowestPort || port > 65_535) {
      throw new IllegalArgumentException(
          "needs a port from " + lowestPort + " to 65535, not " + port);
    }
    return new InetSocketAddress(ip(parts.group(1), parts.group(2), parts.group(3), port), port);
  }

  /** The same for an address without a port, {@code 192.0.2.1} or {@code 2001:db8::1}. */
  static InetAddress parseIp(String text) {
    Matcher parts = IP.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          NUMERIC.matcher(text).matches()
              ? "has a port, which is not chosen here: " + IP_FORM
              : "is not a numeric address: " + IP_FORM);
    }
    return ip(parts.group(1), parts.group(2), parts.group(3), NO_PORT);
  }

  /** Addresses that begin alike, {@code 192.0.2.0/24} or {@code 2001:db8::/32}; one alone, too. */
  static Filter.Network parseNetwork(String text) {
    Matcher parts = NETWORK.matcher(text);
    if (!parts.matches()) {
      throw new IllegalArgumentException("is no network: " + NETWORK_FORM);
    }
    String v6 = parts.group(2);
    InetAddress address =
        v6 == null ? InetAddress.ofLiteral(parts.group(1)) : v6(v6, null, NO_PORT);
    byte[] bytes = address.getAddress();
    if (v6 != null && bytes.length == 4) {
      throw new IllegalArgumentException("is an IPv4 network in IPv6 clothes: " + NETWORK_FORM);
    }
    int most = 8 * bytes.length;
    int bits = parts.group(3) == null ? most : Integer.parseInt(parts.group(3));
    if (bits > most) {
      throw new IllegalArgumentException("has " + most + " bits at most: " + NETWORK_FORM);
    }
    for (int bit = bits; bit < most; bit++) {
      bytes[bit / 8] &= (byte) ~(0x80 >> bit % 8);
    }
    if (!Arrays.equals(bytes, address.getAddress())) {
      throw new IllegalArgumentException(
          "is an address within a network: write " + network(bytes) + "/" + bits);
    }
    return new Filter.Network(address, bits);
  }

  private static String network(byte[] bytes) {
    try {
      return InetAddress.getByAddress(bytes).getHostAddress();
    } catch (UnknownHostException impossible) {
      throw new AssertionError(impossible);
    }
  }

  private static InetAddress ip(
      @Nullable String v4, @Nullable String v6, @Nullable String scope, int port) {
    if (v4 != null) {
      return InetAddress.ofLiteral(v4);
    }
    InetAddress address = v6(String.valueOf(v6), scope, port);
    if (address.getAddress().length == 4) {
      throw new IllegalArgumentException(
          "is an IPv4 address in IPv6 clothes: write " + form(address.getHostAddress(), port));
    }
    if (address.isLinkLocalAddress() && scope == null) {
      throw new IllegalArgumentException(
          "is link-local: name its interface, e.g. " + form(v6 + "%eth0", port));
    }
    return address;
  }

  private static String form(String ip, int port) {
    return port == NO_PORT ? ip : (ip.indexOf(':') < 0 ? ip : "[" + ip + "]") + ":" + port;
  }

  /** Whether datagrams can be sent to it as to one host. */
  static boolean isOneHost(InetSocketAddress address) {
    InetAddress ip = address.getAddress();
    return !ip.isAnyLocalAddress() && !ip.isMulticastAddress() && !isBroadcast(ip);
  }

  static boolean isBroadcast(InetAddress ip) {
    return ip.getHostAddress().equals("255.255.255.255");
  }

  /** As written in a configuration; unlike {@code equals}, it tells scopes apart. */
  static String print(InetSocketAddress address) {
    return form(address.getAddress().getHostAddress(), address.getPort());
  }

  /** A link-local address goes with its interface, by name or by index. */
  private static InetAddress v6(String address, @Nullable String scope, int port) {
    String index = scope == null ? "" : scope.matches("\\d{1,9}") ? scope : indexOf(scope);
    try {
      return InetAddress.ofLiteral(scope == null ? address : address + "%" + index);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "is not an IPv6 address: " + (port == NO_PORT ? IP_FORM : FORM), e);
    }
  }

  private static String indexOf(String networkInterface) {
    try {
      NetworkInterface found = NetworkInterface.getByName(networkInterface);
      if (found != null) {
        return Integer.toString(found.getIndex());
      }
    } catch (SocketException e) {
      throw new IllegalArgumentException(
          "cannot look for network interface " + networkInterface + ": " + e.getMessage(), e);
    }
    throw new IllegalArgumentException(
        "names a network interface this machine does not have: " + networkInterface);
  }

  private static String whyNot(String text) {
    if (text.matches(V4)) {
      return "needs a port, e.g. " + text + ":53";
    }
    if (BARE_V6.matcher(text).matches()) {
      return "needs brackets around the IPv6 address, e.g. [2001:db8::1]:53";
    }
    if (text.matches("\\[[^\\]]*\\]")) {
      return "needs a port, e.g. " + text + ":53";
    }
    if (text.matches("localhost:\\d+")) {
      return "is a host name: write 127.0.0.1 or [::1]";
    }
    if (text.matches("(?=.*[A-Za-z])[A-Za-z0-9._-]+(?::\\d+)?")) {
      return "is not a numeric address; names are looked up by discovery.dns of a pool only: "
          + FORM;
    }
    return "is not an address with a port: " + FORM;
  }
}
