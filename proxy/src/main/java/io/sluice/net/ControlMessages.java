package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * Finds what the kernel tells beside a datagram: the chain of cmsghdr structures of recvmsg
 * (cmsg(3)).
 */
final class ControlMessages {
  private ControlMessages() {}

  /**
   * Returns where in {@code block} the data of the first message of that level and type begins, or
   * -1 unless it is there with at least {@code bytes} bytes.
   *
   * @param from where the chain begins
   * @param used bytes the kernel wrote
   */
  static long find(MemorySegment block, long from, long used, int level, int type, int bytes) {
    long end = from + used;
    long at = from;
    while (at + Linux.CMSG_HEADER_BYTES <= end) {
      long length = block.get(JAVA_LONG, at + Linux.CMSG_LEN);
      if (length < Linux.CMSG_HEADER_BYTES || length > end - at) {
        return -1;
      }
      if (block.get(JAVA_INT, at + Linux.CMSG_LEVEL) == level
          && block.get(JAVA_INT, at + Linux.CMSG_TYPE) == type) {
        return length >= Linux.CMSG_HEADER_BYTES + bytes ? at + Linux.CMSG_HEADER_BYTES : -1;
      }
      at += (length + 7) & ~7L;
    }
    return -1;
  }
}
