package io.sluice.net;

import io.sluice.metrics.Account;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this kernel parts trains on the way out (UDP_SEGMENT, Linux 4.18) and joins datagrams
 * into trains on the way in (UDP_GRO, Linux 5.0): found out once, by sending a train to ourselves.
 *
 * <p>{@code -Dsluice.segmentation=off} does without, for a device that gets it wrong.
 */
enum Segmentation {
  /** It does neither. */
  NONE,
  /** It parts what we send. */
  PARTS,
  /** It parts and joins. */
  PARTS_AND_JOINS;

  private static final Logger log = LoggerFactory.getLogger(Segmentation.class);

  /** Two datagrams of 100 bytes and one of 50. */
  private static final int SEGMENT = 100;

  private static final int TRAIN = 250;
  private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

  /** What this kernel does. */
  static Segmentation found() {
    return Found.HERE;
  }

  boolean parts() {
    return this != NONE;
  }

  boolean joins() {
    return this == PARTS_AND_JOINS;
  }

  private static final class Found {
    static final Segmentation HERE = find();
  }

  private static Segmentation find() {
    if ("off".equals(System.getProperty("sluice.segmentation"))) {
      return NONE;
    }
    try {
      if (!Arrays.equals(arrived(false), new int[] {SEGMENT, SEGMENT, TRAIN - 2 * SEGMENT})) {
        log.warn("this kernel does not part trains (UDP_SEGMENT): datagrams go one by one");
        return NONE;
      }
      return Arrays.equals(arrived(true), new int[] {TRAIN}) ? PARTS_AND_JOINS : PARTS;
    } catch (OsException e) {
      log.warn("cannot try whether this kernel parts trains: {}", e.getMessage());
      return NONE;
    }
  }

  /** Bytes in each slot that a train sent to a socket of ours fills. */
  private static int[] arrived(boolean joined) throws OsException {
    try (UdpSocket to = UdpSocket.open(false)) {
      to.bind(Address.loopback());
      if (joined && !to.coalesce()) {
        return new int[0];
      }
      try (UdpSocket from = UdpSocket.open(false)) {
        from.connect(to.localAddress());
        from.part();
        Batch batch = new Batch();
        batch.load(new byte[TRAIN], SEGMENT);
        from.send(batch, 0, 1, new Account());
        return sizes(to, batch);
      }
    }
  }

  private static int[] sizes(UdpSocket socket, Batch batch) {
    batch.clear();
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (batch.bytes(0, batch.filled()) < TRAIN && System.nanoTime() - deadline < 0) {
      if (socket.receive(batch) == 0) {
        LockSupport.parkNanos(100_000);
      }
    }
    int[] sizes = new int[batch.filled()];
    Arrays.setAll(sizes, batch::bytes);
    return sizes;
  }
}
