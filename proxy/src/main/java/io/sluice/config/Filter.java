package io.sluice.config;

import java.net.InetAddress;
import java.util.List;

/** One of a front's filters: its type with that type's options. */
public sealed interface Filter {

  /** Unique within the front: what its drops are counted under. */
  String name();

  /**
   * By where clients are.
   *
   * @param allow empty: everywhere
   * @param deny goes before {@code allow}
   */
  record AccessList(String name, List<Network> allow, List<Network> deny) implements Filter {}

  /**
   * By how much comes.
   *
   * @param burst so many at once, after a silence
   */
  record RateLimit(String name, Per per, int datagramsPerSecond, int burst) implements Filter {}

  /** A plug-in's. */
  record Plain(String name, String type) implements Filter {}

  /** Addresses that begin alike. */
  record Network(InetAddress address, int bits) {}

  /** Whose datagrams count together. */
  enum Per {
    SOURCE_IP,
    FLOW,
    FRONT
  }
}
