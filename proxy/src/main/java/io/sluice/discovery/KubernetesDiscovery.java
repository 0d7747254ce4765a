package io.sluice.discovery;

import io.sluice.config.Origin;
import io.sluice.discovery.KubernetesApi.Gone;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;

/**
 * Lists a service's EndpointSlices, then watches them from there on; a watch that ends is resumed
 * where it ended, one that is too old for that begins with a list again.
 */
final class KubernetesDiscovery implements Discovery {
  private static final long LEAST_BACK_OFF_MS = 1_000;
  private static final long MOST_BACK_OFF_MS = 30_000;

  private final KubernetesApi api;
  private final EndpointSlices slices;
  private final Executor asking;
  private final LongUnaryOperator jitter;
  private final Rounds rounds;

  // whoever is asking; one at a time
  private Optional<String> version = Optional.empty();
  private int failures;

  KubernetesDiscovery(
      Origin.Kubernetes wanted,
      KubernetesApi api,
      Executor asking,
      ScheduledExecutorService timer,
      LongUnaryOperator jitter) {
    this.api = api;
    this.asking = asking;
    this.jitter = jitter;
    slices = new EndpointSlices(wanted);
    rounds = new Rounds(timer, jitter);
  }

  @Override
  public void start(Consumer<Finding> to) {
    rounds.in(Duration.ZERO, () -> asking.execute(() -> ask(to)));
  }

  private void ask(Consumer<Finding> to) {
    Duration next = Duration.ofMillis(LEAST_BACK_OFF_MS); // servers end watches, also at once
    try {
      if (version.isEmpty()) {
        KubernetesApi.Listing all = api.list();
        slices.replace(all.slices());
        version = Optional.of(all.version());
        tell(slices.finding(), to);
      }
      api.watch(version.orElseThrow(), event -> take(event, to));
      failures = 0;
    } catch (Gone e) {
      next = again();
    } catch (IOException | RuntimeException e) {
      next = again();
      tell(new Finding.Failed(String.valueOf(e.getMessage()), Optional.of(next)), to);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    rounds.in(next, () -> asking.execute(() -> ask(to)));
  }

  /** What was watched may have changed unseen. */
  private Duration again() {
    version = Optional.empty();
    long backOffMs = Math.min(MOST_BACK_OFF_MS, LEAST_BACK_OFF_MS << Math.min(failures++, 10));
    return Duration.ofNanos(jitter.applyAsLong(Duration.ofMillis(backOffMs).toNanos()));
  }

  private void take(Json event, Consumer<Finding> to) throws IOException {
    Json object = event.object("object");
    String type = event.text("type").orElse("");
    switch (type) {
      case "ADDED", "MODIFIED" -> slices.changed(object);
      case "DELETED" -> slices.deleted(object);
      case "BOOKMARK" -> {}
      case "ERROR" -> throw KubernetesApi.failure(object);
      default -> throw new IOException("the API server sends an unknown event: " + type);
    }
    failures = 0;
    version = object.object("metadata").text("resourceVersion").or(() -> version);
    if (!type.equals("BOOKMARK")) {
      tell(slices.finding(), to);
    }
  }

  private void tell(Finding finding, Consumer<Finding> to) {
    rounds.in(Duration.ZERO, () -> to.accept(finding));
  }

  @Override
  public void close() {
    rounds.close();
    api.close();
  }
}
