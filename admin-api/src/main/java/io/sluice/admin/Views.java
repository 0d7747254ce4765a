package io.sluice.admin;

import io.netty.util.NetUtil;
import io.sluice.Appliance;
import io.sluice.Appliance.Applied;
import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.ConfigStatus;
import io.sluice.Appliance.DiscoveryStatus;
import io.sluice.Appliance.FlowPage;
import io.sluice.Appliance.FlowStatus;
import io.sluice.Appliance.FrontStatus;
import io.sluice.Appliance.LeavingStatus;
import io.sluice.Appliance.Ledger;
import io.sluice.Appliance.PoolStatus;
import io.sluice.Appliance.Status;
import io.sluice.Appliance.WorkerStatus;
import io.sluice.Appliance.WorkersStatus;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Journal;
import io.sluice.pool.Dossier;
import io.sluice.probe.ProbeResult;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/** The facade's records as the contract's JSON. */
final class Views {
  private static final int MISTAKES = 1_000;

  private Views() {}

  /**
   * @param role of whoever asks
   */
  static JsonObject status(Status s, Role role) {
    return new JsonObject()
        .put("role", role.name().toLowerCase(Locale.ROOT))
        .put("version", s.version())
        .put("java", s.java())
        .put("netty", s.netty())
        .put("transport", s.transport())
        .put("phase", s.phase().name())
        .put("startedAt", s.startedAt().toString())
        .put("uptimeSeconds", seconds(s.uptime()))
        .put("workers", s.workers())
        .put("flows", s.flows())
        .put("fdsOpen", s.fdsOpen())
        .put("fdsMax", s.fdsMax())
        .put("fdsFree", s.fdsFree());
  }

  static JsonObject workers(WorkersStatus w) {
    return new JsonObject()
        .put("count", w.count())
        .put("min", w.min())
        .put("max", w.max())
        .put("scaling", w.scaling().name())
        .put("workers", array(w.workers(), Views::worker));
  }

  private static JsonObject worker(WorkerStatus w) {
    return new JsonObject()
        .put("index", w.index())
        .put("active", w.active())
        .put("listeners", w.listeners())
        .put("flows", w.flows())
        .put("utilisation", utilisation(w));
  }

  static JsonObject fronts(List<FrontStatus> fronts) {
    return JsonObject.of("fronts", array(fronts, Views::front));
  }

  static JsonObject front(FrontStatus f) {
    return new JsonObject()
        .put("name", f.name())
        .put("listen", array(f.listen(), NetUtil::toSocketAddressString))
        .put("pool", f.pool())
        .put("flows", f.flows())
        .put("assuredFlows", f.assuredFlows())
        .put("unassuredFlows", f.unassuredFlows())
        .put("maxFlows", f.maxFlows())
        .put("flowsOpened", f.flowsOpened())
        .put("kernelDrops", f.kernelDrops());
  }

  static JsonObject pools(List<PoolStatus> pools) {
    return JsonObject.of("pools", array(pools, Views::pool));
  }

  static JsonObject pool(PoolStatus p) {
    JsonObject json =
        new JsonObject()
            .put("name", p.name())
            .put("policy", p.policy())
            .put("affinity", p.affinity())
            .put("backends", array(p.backends(), Views::backend))
            .put("leaving", array(p.leaving(), Views::leaving))
            .put("portsFree", new JsonObject(new TreeMap<>(p.portsFree())));
    p.discovery().ifPresent(discovery -> json.put("discovery", discovery(discovery)));
    return json;
  }

  private static JsonObject discovery(DiscoveryStatus d) {
    JsonObject json =
        new JsonObject().put("kind", d.kind()).put("wanted", d.wanted()).put("found", d.found());
    d.foundAt().ifPresent(at -> json.put("foundAt", at.toString()));
    d.error().ifPresent(error -> json.put("error", error));
    d.failedAt().ifPresent(at -> json.put("failedAt", at.toString()));
    d.nextAt().ifPresent(at -> json.put("nextAt", at.toString()));
    return json;
  }

  static JsonObject backend(BackendStatus b) {
    Dossier dossier = b.dossier();
    JsonObject json =
        new JsonObject()
            .put("name", b.name())
            .put("address", NetUtil.toSocketAddressString(b.address()))
            .put("weight", b.weight())
            .put("state", b.state())
            .put("eligible", b.eligible())
            .put("score", b.score())
            .put("reason", b.reason())
            .put("since", b.since().toString())
            .put("flows", b.flows())
            .put("latencyMillis", b.latency().toNanos() / 1e6)
            .put("unreachable", b.unreachable())
            .put("ejections", b.ejections())
            .put("requests", b.requests())
            .put("replies", b.replies())
            .put("origin", b.origin())
            .put("history", array(dossier.history(), Views::transition));
    dossier.replyRatio().ifPresent(r -> json.put("replyRatio", Math.round(r * 1000) / 1000.0));
    dossier.draining().ifPresent(wish -> json.put("draining", draining(wish)));
    dossier.probe().ifPresent(probe -> json.put("probe", probe(probe)));
    return json;
  }

  private static JsonObject leaving(LeavingStatus b) {
    return new JsonObject()
        .put("name", b.name())
        .put("address", NetUtil.toSocketAddressString(b.address()))
        .put("state", "LEAVING")
        .put("flows", b.flows());
  }

  /** In the answer to what has changed it. */
  static JsonObject backend(BackendStatus b, List<String> warnings) {
    JsonObject json = backend(b);
    return warnings.isEmpty() ? json : json.put("warnings", array(warnings, Function.identity()));
  }

  static JsonObject config(ConfigStatus c) {
    return new JsonObject()
        .put("version", c.version())
        .put("source", c.source())
        .put("since", c.since().toString())
        .put("config", new JsonObject(c.effective()));
  }

  static JsonObject applied(Applied a) {
    return new JsonObject()
        .put("version", a.version())
        .put(
            "changes",
            array(
                Stream.concat(a.changes().stream(), a.warnings().stream()).toList(),
                Function.identity()));
  }

  static JsonObject verdict(List<Problem> problems) {
    return new JsonObject().put("valid", problems.isEmpty()).put("problems", mistakes(problems));
  }

  /**
   * A megabyte of nonsense has a hundred thousand mistakes: nobody mends more than these at once.
   */
  static JsonArray mistakes(List<Problem> problems) {
    return array(problems.subList(0, Math.min(problems.size(), MISTAKES)), Views::mistake);
  }

  private static JsonObject mistake(Problem p) {
    return new JsonObject()
        .put("file", p.file())
        .put("line", p.line())
        .put("path", p.path())
        .put("message", p.message());
  }

  private static JsonObject transition(Dossier.Transition t) {
    return new JsonObject()
        .put("at", t.at().toString())
        .put("from", t.from().name())
        .put("to", t.to().name())
        .put("reason", t.reason());
  }

  private static JsonObject draining(Dossier.Draining d) {
    JsonObject json =
        new JsonObject().put("since", d.since().toString()).put("byItself", d.byItself());
    d.deadline().ifPresent(deadline -> json.put("deadline", deadline.toString()));
    return json;
  }

  private static JsonObject probe(ProbeResult p) {
    return new JsonObject()
        .put("passed", p.passed())
        .put("reason", p.reason())
        .put("tookSeconds", seconds(p.took()))
        .put("at", p.at().toString());
  }

  static JsonObject flows(FlowPage page, Optional<String> nextCursor) {
    JsonObject json = JsonObject.of("flows", array(page.flows(), Views::flow));
    nextCursor.ifPresent(cursor -> json.put("nextCursor", cursor));
    return json;
  }

  private static JsonObject flow(FlowStatus f) {
    return new JsonObject()
        .put("id", Long.toString(f.id()))
        .put("front", f.front())
        .put("client", NetUtil.toSocketAddressString(f.client()))
        .put("local", NetUtil.toSocketAddressString(f.local()))
        .put("pool", f.pool())
        .put("backend", f.backend())
        .put("worker", f.worker())
        .put("assured", f.assured())
        .put("openedAt", f.openedAt().toString())
        .put("idleSeconds", seconds(f.idle()))
        .put("requests", f.requests())
        .put("replies", f.replies())
        .put("requestBytes", f.requestBytes())
        .put("replyBytes", f.replyBytes());
  }

  static JsonObject event(Journal.Event e) {
    return new JsonObject()
        .put("id", e.id())
        .put("at", e.at().toString())
        .put("subject", e.subject())
        .put("what", e.what())
        .put("why", e.why());
  }

  /** How server-sent events name a kind. */
  static String word(Journal.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private static double utilisation(Appliance.WorkerStatus w) {
    return Math.round(w.utilisation() * 1000) / 1000.0;
  }

  static JsonObject totals(Appliance appliance) {
    List<Ledger> ledgers = appliance.drops();
    Appliance.Status status = appliance.status();
    JsonObject totals =
        new JsonObject()
            .put("at", Instant.now().toString())
            .put("flows", status.flows())
            .put("fdsFree", status.fdsFree())
            .put("utilisation", array(appliance.workers().workers(), Views::utilisation));
    appliance.pools().stream()
        .flatMap(pool -> pool.portsFree().values().stream())
        .min(Comparator.naturalOrder())
        .ifPresent(least -> totals.put("portsFree", least));
    return totals
        .put("flowsOpened", appliance.fronts().stream().mapToLong(FrontStatus::flowsOpened).sum())
        .put("requests", total(ledgers, Ledger::request, Ledger.Side::received))
        .put("replies", total(ledgers, Ledger::reply, Ledger.Side::received))
        .put("requestBytes", total(ledgers, Ledger::request, Ledger.Side::receivedBytes))
        .put("replyBytes", total(ledgers, Ledger::reply, Ledger.Side::receivedBytes))
        .put("requestsDropped", total(ledgers, Ledger::request, Views::dropped))
        .put("repliesDropped", total(ledgers, Ledger::reply, Views::dropped))
        .put("dropped", byReason(ledgers))
        .put("kernelDrops", appliance.fronts().stream().mapToLong(FrontStatus::kernelDrops).sum());
  }

  private static long total(
      List<Ledger> ledgers,
      Function<Ledger, Ledger.Side> direction,
      ToLongFunction<Ledger.Side> count) {
    return ledgers.stream().map(direction).mapToLong(count).sum();
  }

  private static long dropped(Ledger.Side side) {
    return side.dropped().values().stream().mapToLong(Long::longValue).sum();
  }

  static JsonObject ledgers(List<Ledger> ledgers) {
    return JsonObject.of("fronts", array(ledgers, Views::ledger));
  }

  private static JsonObject ledger(Ledger l) {
    return new JsonObject()
        .put("front", l.front())
        .put("request", side(l.request()))
        .put("reply", side(l.reply()));
  }

  private static JsonObject side(Ledger.Side s) {
    return new JsonObject()
        .put("received", s.received())
        .put("forwarded", s.forwarded())
        .put("dropped", byReason(s.dropped()))
        .put("pending", s.pending())
        .put("receivedBytes", s.receivedBytes());
  }

  private static JsonObject byReason(List<Ledger> ledgers) {
    Map<Drop, Long> sum = new EnumMap<>(Drop.class);
    for (Ledger ledger : ledgers) {
      ledger.request().dropped().forEach((reason, count) -> sum.merge(reason, count, Long::sum));
      ledger.reply().dropped().forEach((reason, count) -> sum.merge(reason, count, Long::sum));
    }
    return byReason(sum);
  }

  private static JsonObject byReason(Map<Drop, Long> dropped) {
    JsonObject json = new JsonObject();
    for (Drop reason : Drop.values()) {
      Long count = dropped.get(reason);
      if (count != null) {
        json.put(reason.name(), count);
      }
    }
    return json;
  }

  /** Milliseconds are as exact as anyone needs; zero when a clock has stepped back. */
  private static double seconds(Duration duration) {
    return Math.max(0, duration.toMillis()) / 1000.0;
  }

  private static <T> JsonArray array(List<T> all, Function<? super T, ?> view) {
    JsonArray array = new JsonArray();
    all.forEach(one -> array.add(view.apply(one)));
    return array;
  }
}
