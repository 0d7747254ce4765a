package io.sluice.front;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.sluice.filter.Chain;
import io.sluice.filter.FlowRequest;
import io.sluice.filter.Opinion;
import io.sluice.filter.Sieve;
import io.sluice.flow.Course;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowTable;
import io.sluice.front.Explanation.Outcome;
import io.sluice.front.Explanation.Stage;
import io.sluice.front.Explanation.Step;
import io.sluice.front.Explanation.Verdict;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Preview;
import io.sluice.pool.Unforeseen;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Walks the way of a datagram that nobody sends: asks what {@link Listener} and {@link Placement}
 * ask, in their order, and changes nothing. For one datagram; on any thread.
 */
final class Explainer {
  /** Backends named one by one. */
  private static final int MOST_NAMED = 50;

  /**
   * What a front is at this moment.
   *
   * @param bound where it listens, by what keys of flows say of it
   * @param dials whether a flow would be dialled
   */
  record Scene(
      Front.Spec spec, Map<Integer, Address> bound, FlowTable table, boolean dials, long now) {
    Course course() {
      return spec.course();
    }

    Pool pool() {
      return spec.course().pool();
    }

    Address bound(int listener) {
      return Objects.requireNonNull(bound.get(listener));
    }
  }

  private final Scene scene;
  private final InetSocketAddress client;
  private final ByteBuf payload;
  private final List<Step> steps = new ArrayList<>();

  Explainer(Scene scene, InetSocketAddress client, byte[] payload) {
    this.scene = scene;
    this.client = client;
    this.payload = Unpooled.wrappedBuffer(payload);
  }

  /**
   * Explains.
   *
   * @param local where it is sent to; empty: wherever this client has a flow, or else where the
   *     front first listens for its family
   * @throws IllegalArgumentException with words for a person when the front does not listen there
   */
  Explanation explain(Optional<InetSocketAddress> local) {
    int index = listener(local);
    Flow flow = find(index, local);
    Address listen = scene.bound(flow == null ? index : flow.key().listener());
    InetSocketAddress to =
        flow == null
            ? local.orElse(listen.toInetSocketAddress())
            : flow.key().local(listen).toInetSocketAddress();
    add(Stage.LISTEN, Verdict.PASS, "sent to %s, by way of %s".formatted(text(to), listen));
    int most = scene.course().maxDatagramBytes();
    String length = payload.readableBytes() + " bytes, of max-datagram = " + most;
    if (payload.readableBytes() > most) {
      return drop(Stage.SIZE, Drop.OVERSIZE, length);
    }
    add(Stage.SIZE, Verdict.PASS, length);
    Address source = Address.of(client);
    if (!Address.isAnswerable(source.head(), source.hi(), source.lo())) {
      return drop(
          Stage.SOURCE,
          Drop.BAD_SOURCE,
          text(client)
              + " has no port, or is multicast, broadcast or nobody's: it cannot be answered");
    }
    add(Stage.SOURCE, Verdict.PASS, text(client) + " can be answered");
    return flow == null ? opening(to) : going(flow, to);
  }

  private int listener(Optional<InetSocketAddress> local) {
    boolean ipv6 = Address.of(client).isIpv6();
    for (int exact = 1; exact >= 0; exact--) { // the kernel prefers the more specific socket
      for (int i : scene.bound.keySet()) {
        Address at = scene.bound(i);
        if (at.isIpv6() == ipv6 && (local.isEmpty() || hears(at, local.get(), exact == 1))) {
          return i;
        }
      }
    }
    throw new IllegalArgumentException(
        "front '%s' listens at %s: a datagram of %s%s does not get there"
            .formatted(
                scene.spec.name(),
                scene.bound.values(),
                text(client),
                local.map(at -> " to " + text(at)).orElse("")));
  }

  private static boolean hears(Address listen, InetSocketAddress to, boolean exactly) {
    return exactly
        ? listen.toInetSocketAddress().equals(to)
        : listen.isWildcard()
            && listen.port() == to.getPort()
            && Address.of(to).isIpv6() == listen.isIpv6();
  }

  private @Nullable Flow find(int listener, Optional<InetSocketAddress> local) {
    return scene.table.all().stream()
        .filter(flow -> flow.key().client().toInetSocketAddress().equals(client))
        .filter(flow -> local.isEmpty() || isTo(flow, listener, local.get()))
        .findFirst()
        .orElse(null);
  }

  private boolean isTo(Flow flow, int listener, InetSocketAddress local) {
    Address listen = scene.bound(listener);
    return flow.key().listener() == listener
        && (!listen.isWildcard()
            || listen.toInetSocketAddress().equals(local)
            || flow.key().local(listen).toInetSocketAddress().equals(local));
  }

  /** The datagram is that of a flow. */
  private Explanation going(Flow flow, InetSocketAddress to) {
    add(
        Stage.FLOW,
        Verdict.HIT,
        "flow %d, with %s, %s, on worker %d"
            .formatted(
                flow.id(),
                flow.backend().name(),
                flow.isAssured() ? "assured" : "not answered yet",
                flow.worker().index()));
    Optional<Backend> backend = Optional.of(flow.backend());
    if (flow.isSiftedByOthers() && isRefused(to)) {
      return drop(Drop.FILTER);
    }
    if (flow.isStranded(scene.now) || flow.home() != null || flow.isAstray()) {
      try {
        Preview preview = scene.pool().preview();
        Backend next =
            flow.isAstray()
                ? preview.pick(scene.course().affinity().keyOf(client, payload.duplicate()))
                : Placement.next(flow, preview, scene.now);
        if (next == null) {
          return drop(
              Stage.REHOME,
              Drop.NO_BACKEND,
              leaving(flow) + ", and there is no other: the flow ends");
        }
        backend = Optional.of(rehomed(flow, next));
      } catch (Unforeseen e) {
        add(Stage.REHOME, Verdict.UNKNOWN, leaving(flow) + "; for which, " + e.getMessage());
        backend = Optional.empty();
      }
    }
    Sieve sieve = flow.sieve();
    if (sieve != null && !flow.isSiftedByOthers()) {
      for (Sieve.Opined each : sieve.explain(payload, scene.now)) {
        if (refuses(each.filter(), each.opinion())) {
          return drop(Drop.FILTER);
        }
      }
    }
    return end(Outcome.EXISTING_FLOW, backend);
  }

  private Backend rehomed(Flow flow, Backend next) {
    String why = leaving(flow);
    if (next == flow.backend()) {
      add(Stage.REHOME, Verdict.STAY, why + ", but nobody does better now");
      return next;
    }
    if (!scene.table.couldRehome(scene.now)) {
      add(Stage.REHOME, Verdict.STAY, why + ", but this second's rehome.per-second is spent");
      return flow.backend();
    }
    add(Stage.REHOME, Verdict.MOVE, why + ": goes to " + next.name());
    return next;
  }

  private String leaving(Flow flow) {
    Backend backend = flow.backend();
    if (flow.isAstray()) {
      return "the front's pool is " + scene.pool().name() + " now";
    }
    if (!flow.isStranded(scene.now)) {
      Backend home = flow.home();
      return home == null
          ? "nothing speaks against going"
          : "its own backend " + home.name() + " is back";
    }
    Backend.View view = backend.view();
    return backend.patienceNs() == 0
        ? "%s is %s (%s)".formatted(backend.name(), view.state(), view.reason())
        : "%s is silent, and this flow has waited for %d ms"
            .formatted(backend.name(), flow.waitedNs(scene.now) / 1_000_000);
  }

  /** The datagram would open a flow. */
  private Explanation opening(InetSocketAddress to) {
    add(Stage.FLOW, Verdict.MISS, "there is no flow of " + text(client));
    int assured = scene.table.assuredCount();
    int most = scene.table.limits().max();
    Drop refusal = scene.table.refusal();
    if (refusal != null) {
      return drop(
          Stage.LIMIT,
          refusal,
          refusal == Drop.DRAINING
              ? "no flow is opened any more"
              : "%d assured flows, of flows.max = %d".formatted(assured, most));
    }
    add(Stage.LIMIT, Verdict.PASS, "%d assured flows, of flows.max = %d".formatted(assured, most));
    String budget = "flows.new-per-second = " + scene.table.limits().newPerSecond();
    if (!scene.table.couldOpen(scene.now)) {
      return drop(Stage.BUDGET, Drop.FLOW_RATE, budget + ", spent for now");
    }
    add(Stage.BUDGET, Verdict.PASS, budget + ", of which something is left");
    if (isRefused(to)) {
      return drop(Drop.FILTER);
    }
    long key;
    try {
      key = scene.course().affinity().keyOf(client, payload.duplicate());
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      return drop(Stage.KEY, Drop.FAULT, "the affinity fails: " + bug);
    }
    add(Stage.KEY, Verdict.PASS, String.format(Locale.ROOT, "%016x", key));
    return dealt(key);
  }

  private boolean isRefused(InetSocketAddress to) {
    var request = new FlowRequest(scene.spec.name(), client, to, payload, scene.now);
    for (Chain.Step step : scene.course().filters()) {
      if (refuses(step.name(), opinion(step, request))) {
        return true;
      }
    }
    return false;
  }

  private Opinion opinion(Chain.Step step, FlowRequest request) {
    try {
      return step.factory().explain(request);
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      return new Opinion(Opinion.Verdict.UNKNOWN, "fails to explain itself: " + bug);
    } finally {
      payload.readerIndex(0);
    }
  }

  private boolean refuses(String filter, Opinion opinion) {
    Verdict verdict =
        switch (opinion.verdict()) {
          case PASS -> Verdict.PASS;
          case REFUSE -> Verdict.DROP;
          case UNKNOWN -> Verdict.UNKNOWN;
        };
    add(Stage.FILTER, verdict, filter + ": " + opinion.why());
    return verdict == Verdict.DROP;
  }

  private Explanation dealt(long key) {
    Preview preview = scene.pool().preview();
    List<Backend> members = preview.members();
    if (members.isEmpty()) {
      return drop(Stage.MEMBERS, Drop.NO_BACKEND, "none: " + others(members));
    }
    add(Stage.MEMBERS, Verdict.PASS, members(members));
    try {
      Backend named = preview.named(key);
      Backend picked = preview.pick(key);
      if (named == null || picked == null) {
        return drop(Stage.CHOICE, Drop.NO_BACKEND, "none is dealt");
      }
      add(
          Stage.CHOICE,
          Verdict.PASS,
          named == picked
              ? "the policy names " + named.name()
              : "the policy names %s, which keeps %d %% of its keys for now, not this one: so %s"
                  .formatted(named.name(), named.sharePercent(), picked.name()));
      return linked(picked);
    } catch (Unforeseen e) {
      add(Stage.CHOICE, Verdict.UNKNOWN, String.valueOf(e.getMessage()));
      return end(Outcome.FORWARD, Optional.empty());
    }
  }

  private String members(List<Backend> members) {
    List<String> names = members.stream().limit(MOST_NAMED).map(Explainer::member).toList();
    String others = others(members);
    return String.join(", ", names)
        + (members.size() > MOST_NAMED ? " and " + (members.size() - MOST_NAMED) + " more" : "")
        + (others.isEmpty() ? "" : "; not " + others);
  }

  private static String member(Backend backend) {
    Backend.View view = backend.view();
    int share = backend.sharePercent();
    return "%s (weight %d, %s%s)"
        .formatted(
            backend.name(),
            backend.weight(),
            view.state(),
            share == 100 ? "" : ", " + share + " % of its keys");
  }

  private String others(List<Backend> members) {
    List<Backend> others =
        scene.pool().backends().stream().filter(each -> !members.contains(each)).toList();
    String named =
        String.join(
            ", ",
            others.stream()
                .limit(MOST_NAMED)
                .map(
                    each ->
                        each.name() + " " + each.view().state() + " (" + each.view().reason() + ")")
                .toList());
    return others.size() > MOST_NAMED
        ? named + " and " + (others.size() - MOST_NAMED) + " more"
        : named;
  }

  private Explanation linked(Backend backend) {
    if (scene.dials) {
      Dialer dialer = scene.course().dialer();
      int ports = dialer.freeTo(Address.of(backend.address()));
      int fds = dialer.fds().free();
      String left = "%d local ports to %s, %d descriptors".formatted(ports, backend.name(), fds);
      if (fds == 0 || ports == 0) {
        return drop(Stage.LINK, fds == 0 ? Drop.NO_FD : Drop.NO_PORT, left);
      }
      add(Stage.LINK, Verdict.PASS, left);
    }
    return end(Outcome.FORWARD, Optional.of(backend));
  }

  private void add(Stage stage, Verdict verdict, String why) {
    steps.add(new Step(stage, verdict, why));
  }

  private Explanation drop(Stage stage, Drop reason, String why) {
    add(stage, Verdict.DROP, why);
    return drop(reason);
  }

  /** What the last step said. */
  private Explanation drop(Drop reason) {
    return new Explanation(
        Outcome.DROP,
        Optional.of(reason),
        scene.pool().name(),
        Optional.empty(),
        List.copyOf(steps));
  }

  private Explanation end(Outcome outcome, Optional<Backend> backend) {
    return new Explanation(
        outcome,
        Optional.empty(),
        scene.pool().name(),
        backend.map(Backend::name),
        List.copyOf(steps));
  }

  private static String text(InetSocketAddress address) {
    return io.netty.util.NetUtil.toSocketAddressString(address);
  }
}
