package io.sluice.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.Origin;
import io.sluice.pool.VirtualControl;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What goes wrong on this side of the network. */
class KubernetesDiscoveryTest {
  private final VirtualControl timer = new VirtualControl();
  private final List<Finding> findings = new ArrayList<>();

  /** Runs out of memory once. */
  private static final class ShortOfMemory implements KubernetesApi {
    private boolean before;

    @Override
    public Listing list() throws IOException {
      if (!before) {
        before = true;
        throw new OutOfMemoryError("Java heap space");
      }
      String slice =
          EndpointSlicesTest.slice(
              "s1", "IPv4", EndpointSlicesTest.UDP, EndpointSlicesTest.ready("pod1", "192.0.2.1"));
      return new Listing(List.of(Json.parse(slice)), "7");
    }

    @Override
    public void watch(String version, Events to) {}

    @Override
    public void close() {}
  }

  @Test
  void an_error_is_a_failure_and_it_asks_again() {
    Origin.Kubernetes wanted = EndpointSlicesTest.wanted(Optional.empty());
    try (var discovery =
        new KubernetesDiscovery(wanted, new ShortOfMemory(), Runnable::run, timer, ns -> ns)) {
      discovery.start(findings::add);
      timer.runDue();
      assertThat(findings)
          .containsExactly(
              new Finding.Failed(
                  "service games/game: java.lang.OutOfMemoryError: Java heap space",
                  Optional.of(Duration.ofSeconds(1))));
      timer.advance(Duration.ofSeconds(1));
      assertThat(findings).hasSize(2).last().isInstanceOf(Finding.Found.class);
    }
  }
}
