package io.sluice.config;

import java.util.Optional;
import java.util.regex.Pattern;

/** What a probe asks and what it takes for an answer: its type with that type's options. */
public sealed interface Check {

  /** A built-in's or a plug-in's name. */
  String type();

  /** A datagram of one's own. Without {@code expect}, silence will do. */
  record Udp(String sendLatin1, Optional<Content> expect, Optional<Content> drain)
      implements Check {
    @Override
    public String type() {
      return "udp";
    }
  }

  /**
   * A question.
   *
   * @param queryType as {@code AAAA}
   */
  record Dns(String name, String queryType, boolean recursion) implements Check {
    @Override
    public String type() {
      return "dns";
    }
  }

  /** Status-Server. */
  record Radius(String secret) implements Check {
    @Override
    public String type() {
      return "radius";
    }

    @Override
    public String toString() {
      return "Radius[secret=***]";
    }
  }

  /**
   * GET.
   *
   * @param host what the header Host says; empty: the target's address
   */
  record Http(
      String path, String host, int lowestStatus, int highestStatus, Optional<Content> drain)
      implements Check {
    @Override
    public String type() {
      return "http";
    }
  }

  /** What has no options: stun, sip-options, quic, ntp, tcp, and plug-ins. */
  record Plain(String type) implements Check {}

  /**
   * What to look for in an answer, anywhere in it.
   *
   * @param latin1 bytes or a regex over them, each byte as one character
   */
  record Content(boolean regex, String latin1) {
    public Pattern pattern() {
      return Pattern.compile(latin1, regex ? Pattern.DOTALL : Pattern.LITERAL);
    }
  }
}
