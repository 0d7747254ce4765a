package io.sluice.filter;

import io.netty.buffer.ByteBuf;
import io.sluice.metrics.Drop;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The filters of one client's flow that want to see its datagrams; on the flow's loop only. Flows
 * that follow one another share it: each closes it once.
 */
public final class Sieve {
  /**
   * One of them.
   *
   * @param step its place in the chain
   */
  record Mesh(DatagramFilter filter, int step) {}

  /**
   * What one of them would say of a request.
   *
   * @param filter its name
   */
  public record Opined(String filter, Opinion opinion) {}

  private final Chain chain;
  private final Mesh[] meshes;
  private int holders = 1;

  Sieve(Chain chain, List<Mesh> meshes) {
    this.chain = chain;
    this.meshes = meshes.toArray(Mesh[]::new);
  }

  /** Why a datagram of the client must not pass, and books it with the filter; null if it may. */
  public @Nullable Drop request(ByteBuf payload, long nowNs) {
    for (Mesh mesh : meshes) {
      Drop refusal = ask(mesh, true, payload, nowNs);
      if (refusal != null) {
        return refusal;
      }
    }
    return null;
  }

  /** Likewise of the backend. */
  public @Nullable Drop reply(ByteBuf payload, long nowNs) {
    for (int i = meshes.length - 1; i >= 0; i--) {
      Drop refusal = ask(meshes[i], false, payload, nowNs);
      if (refusal != null) {
        return refusal;
      }
    }
    return null;
  }

  private @Nullable Drop ask(Mesh mesh, boolean request, ByteBuf payload, long nowNs) {
    int at = payload.readerIndex();
    try {
      boolean passes =
          request ? mesh.filter.onRequest(payload, nowNs) : mesh.filter.onReply(payload, nowNs);
      payload.readerIndex(at);
      if (passes) {
        return null;
      }
      chain.refused(mesh.step, 1);
      return Drop.FILTER;
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      chain.fault(mesh.step, bug);
      return Drop.FAULT;
    }
  }

  /** What each would say of a request, in their order; any thread. */
  public List<Opined> explain(ByteBuf payload, long nowNs) {
    List<Opined> opinions = new ArrayList<>();
    for (Mesh mesh : meshes) {
      opinions.add(
          new Opined(
              chain.steps().get(mesh.step).name(),
              mesh.filter.explain(payload.duplicate(), nowNs)));
    }
    return opinions;
  }

  /** For another flow that takes the place of the one it has; it will be closed once more. */
  public Sieve share() {
    holders++;
    return this;
  }

  /** A flow that has it has ended. */
  public void close() {
    holders--;
    if (holders == 0) {
      close(chain, List.of(meshes));
    }
  }

  /** All of them, whatever one runs into. */
  static void close(Chain chain, List<Mesh> meshes) {
    for (Mesh mesh : meshes) {
      try {
        mesh.filter.close();
      } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
        chain.fault(mesh.step, bug);
      }
    }
  }
}
