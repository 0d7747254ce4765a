package io.sluice.admin;

import static io.sluice.admin.CannedAppliance.address;

import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.DiscoveryStatus;
import io.sluice.Appliance.FlowStatus;
import io.sluice.Appliance.FrontStatus;
import io.sluice.Appliance.LeavingStatus;
import io.sluice.Appliance.PoolStatus;
import io.sluice.pool.Dossier;
import io.sluice.pool.State;
import io.sluice.probe.ProbeResult;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** What an appliance may tell of itself. */
final class Statuses {
  static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

  private Statuses() {}

  static FrontStatus front(String name) {
    return new FrontStatus(
        name,
        List.of(address("0.0.0.0", 53), address("2001:db8:0:0:0:0:0:1", 53)),
        "resolvers",
        3,
        2,
        1,
        100_000,
        4_711,
        7);
  }

  static PoolStatus pool(String name, String backend) {
    return new PoolStatus(
        name,
        "maglev",
        "source-address",
        List.of(
            backend(backend, address("::1", 5300), 1, "UP"),
            backend("z", address("::1", 5301), 1, "TRIAL")),
        List.of(),
        Map.of("any", 28_000),
        Optional.of(
            new DiscoveryStatus(
                "dns",
                "resolvers.example A",
                1,
                Optional.of(START),
                Optional.of("SERVFAIL"),
                Optional.of(START),
                Optional.of(START))));
  }

  static PoolStatus with(
      PoolStatus pool, List<BackendStatus> backends, List<LeavingStatus> leaving) {
    return new PoolStatus(
        pool.name(),
        pool.policy(),
        pool.affinity(),
        backends,
        leaving,
        pool.portsFree(),
        pool.discovery());
  }

  static BackendStatus backend(String name, InetSocketAddress address, int weight, String state) {
    return new BackendStatus(
        name,
        address,
        weight,
        state,
        true,
        99,
        "no evidence",
        START,
        1,
        Duration.ofNanos(1_234_567),
        2,
        3,
        4,
        5,
        new Dossier(
            Optional.of(new Dossier.Draining(START, Optional.of(START.plusSeconds(30)), true)),
            Optional.of(
                new ProbeResult(
                    ProbeResult.Verdict.LAME_DUCK, "wants to go", Duration.ofMillis(2), START)),
            1,
            0,
            OptionalDouble.of(0.9994),
            List.of(new Dossier.Transition(START, State.UP, State.DRAINING, "wants to go"))),
        "configured");
  }

  static FlowStatus flow(long id, String front, String backend, InetSocketAddress client) {
    return new FlowStatus(
        id,
        front,
        client,
        address("127.0.0.1", 53),
        "resolvers",
        backend,
        1,
        true,
        START,
        Duration.ofMillis(1_250),
        3,
        2,
        120,
        1_440);
  }
}
