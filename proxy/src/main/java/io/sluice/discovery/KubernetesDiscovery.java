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
  /** Servers end watches, also at once. */
  private static final Duration BETWEEN = Duration.ofSeconds(1);

  private final KubernetesApi api;
  private final EndpointSlices slices;
  private final Origin.Kubernetes wanted;
  private final Executor asking;
  private final Rounds rounds;

  // whoever is asking; one at a time
  private Optional<String> version = Optional.empty();

  KubernetesDiscovery(
      Origin.Kubernetes wanted,
      KubernetesApi api,
      Executor asking,
      ScheduledExecutorService timer,
      LongUnaryOperator jitter) {
    this.wanted = wanted;
    this.api = api;
    this.asking = asking;
    slices = new EndpointSlices(wanted);
    rounds = new Rounds(timer, jitter);
  }

  @Override
  public void start(Consumer<Finding> to) {
    rounds.in(Duration.ZERO, () -> asking.execute(() -> ask(to)));
  }

  private void ask(Consumer<Finding> to) {
    Duration next = BETWEEN;
    try {
      if (version.isEmpty()) {
        KubernetesApi.Listing all = api.list();
        slices.replace(all.slices());
        version = Optional.of(all.version());
        tell(slices.finding(), to);
      }
      api.watch(version.orElseThrow(), event -> take(event, to));
      rounds.succeeded();
    } catch (Gone e) {
      next = again();
    } catch (IOException e) {
      next = again();
      tell(new Finding.Failed(String.valueOf(e.getMessage()), Optional.of(next)), to);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable e) { // or nobody would ask again
      next = again();
      tell(new Finding.Failed("service " + wanted.wanted() + ": " + e, Optional.of(next)), to);
    }
    rounds.in(next, () -> asking.execute(() -> ask(to)));
  }

  /** What was watched may have changed unseen. */
  private Duration again() {
    version = Optional.empty();
    return rounds.failed();
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
    rounds.succeeded();
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
