package io.sluice;

import io.sluice.config.Origin;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Finding.Server;
import io.sluice.pool.VirtualControl;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Takes all that is found, or refuses all. */
final class FakeEntrance implements Discovering.Entrance {
  final List<String> entered = new ArrayList<>();
  Optional<String> refusal = Optional.empty();
  Optional<Error> error = Optional.empty();
  Runnable meanwhile = () -> {};
  Findings findings = Findings.NONE;
  @Nullable SluiceConfig config;
  private final VirtualControl clock = new VirtualControl();

  @Override
  public void found(String pool, Origin by, List<Server> servers) throws Refused {
    if (refusal.isPresent()) {
      throw new Refused(refusal.get());
    }
    if (error.isPresent()) {
      throw error.get();
    }
    meanwhile.run();
    entered.add(pool + servers.stream().map(Server::name).toList());
    SluiceConfig.Discovery discovery = new SluiceConfig.Discovery(by, Duration.ofMinutes(1));
    findings = findings.with(pool, discovery, servers, clock.wallClock().instant());
  }

  @Override
  public void sweep() {
    entered.add("sweep");
    findings = findings.without((pool, leaving) -> true);
  }

  @Override
  public SluiceConfig config() {
    return Objects.requireNonNull(config);
  }

  @Override
  public Findings findings() {
    return findings;
  }
}
