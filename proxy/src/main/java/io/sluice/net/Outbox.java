package io.sluice.net;

import io.sluice.metrics.Account;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Replies of many flows on their way out: what is ready in one turn of the loop leaves together, in
 * one system call for each socket it leaves by, when the turn's reading is done or the slots are
 * full. So a reply waits for microseconds, and never for another one to come.
 */
public final class Outbox {
  /** About what a core's own cache holds. */
  private static final long ENOUGH_BYTES = 256 << 10;

  private final Batch batch = new Batch();
  private final UdpSocket[] via = new UdpSocket[Batch.SLOTS];
  private final Account[] accounts = new Account[Batch.SLOTS];
  private final int[] starts = new int[Batch.SLOTS];
  private final int[] ends = new int[Batch.SLOTS];

  /** By slot, who is to be told. */
  private final @Nullable Witness[] witnesses = new Witness[Batch.SLOTS];

  private boolean witnessed;

  /** Slots in a row that leave by one socket. */
  private int runs;

  private long waitingBytes;

  /** Wants to know when something has left, or has not. */
  public interface Witness {
    /** {@link Batch#dropped} says which. */
    void left(Batch batch, int slot);
  }

  Outbox() {}

  /** The slots. */
  public Batch batch() {
    return batch;
  }

  /**
   * Fills free slots with what has arrived; returns the first slot, the last is the last in use.
   */
  public int receive(UdpSocket from) {
    if (batch.free() == 0 || waitingBytes >= ENOUGH_BYTES) {
      flush();
    }
    int first = batch.filled();
    from.receive(batch);
    return first;
  }

  /**
   * Slots {@code from} to {@code end - 1} are to leave by a socket; those never named, never do.
   */
  public void send(UdpSocket socket, int from, int end, Account account) {
    if (from == end) {
      return;
    }
    int last = runs - 1;
    if (last >= 0 && via[last] == socket && ends[last] == from) {
      ends[last] = end;
    } else {
      via[runs] = socket;
      accounts[runs] = account;
      starts[runs] = from;
      ends[runs++] = end;
    }
    waitingBytes += batch.bytes(from, end - from);
  }

  /** Likewise, and somebody is told of each slot when it has left. */
  public void send(UdpSocket socket, int from, int end, Account account, Witness witness) {
    Arrays.fill(witnesses, from, end, witness);
    witnessed = true;
    send(socket, from, end, account);
  }

  private void tell() {
    for (int slot = 0; slot < batch.filled(); slot++) {
      Witness witness = witnesses[slot];
      if (witness != null) {
        witness.left(batch, slot);
      }
    }
  }

  /** Sends what waits. */
  public void flush() {
    try {
      for (int run = 0; run < runs; run++) {
        via[run].send(batch, starts[run], ends[run] - starts[run], accounts[run]);
      }
      if (witnessed) {
        tell();
      }
    } finally { // nothing leaves twice, not even after a bug
      if (witnessed) {
        witnessed = false;
        Arrays.fill(witnesses, null);
      }
      runs = 0;
      waitingBytes = 0;
      batch.clear();
    }
  }
}
