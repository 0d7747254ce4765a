package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Explanation;
import io.sluice.metrics.Journal;
import io.sluice.trace.Capture;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Stands in for the datapath: says on stdout what is asked of it, moves no datagram. */
final class FakeTransport implements Transport {
  private final boolean flowsThatNeverEnd;

  FakeTransport(boolean flowsThatNeverEnd) {
    this.flowsThatNeverEnd = flowsThatNeverEnd;
  }

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public List<String> kernelFeatures() {
    return List.of("UDP_FAKE", "SO_FAKE");
  }

  @Override
  public Datapath open(Document config, Plugins plugins) {
    return new Datapath() {
      @Override
      public SluiceConfig inForce() {
        return config.config();
      }

      @Override
      public void onApplied(Consumer<Document> each) {
        each.accept(config);
      }

      @Override
      public void onInvalid(Consumer<InvalidConfig> each) {}

      @Override
      public Appliance appliance() {
        return new FakeAppliance();
      }

      @Override
      public void drain(Duration timeout) throws InterruptedException {
        System.out.println("drain " + timeout);
        while (flowsThatNeverEnd) {
          Thread.sleep(timeout);
        }
      }

      @Override
      public void close() {
        System.out.println("close");
      }
    };
  }

  /** One front, and nothing else. */
  private static final class FakeAppliance implements Appliance {
    @Override
    public boolean ready() {
      return true;
    }

    @Override
    public Status status() {
      Instant now = Instant.EPOCH;
      return new Status("0", "25", "4", "fake", Phase.RUNNING, now, Duration.ZERO, 1, 0, 0, 0, 0);
    }

    @Override
    public List<FrontStatus> fronts() {
      var at =
          List.of(
              new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 9000),
              new InetSocketAddress(InetAddress.ofLiteral("::1"), 9000));
      return List.of(new FrontStatus("demo", at, "echoes", 0, 0, 0, 0, 0, 0));
    }

    @Override
    public WorkersStatus workers() {
      return new WorkersStatus(1, 1, 1, Scaling.AUTOMATIC, List.of());
    }

    @Override
    public void scale(int count) {}

    @Override
    public List<PoolStatus> pools() {
      return List.of();
    }

    @Override
    public List<String> drain(String pool, String backend, Optional<Duration> deadline) {
      return List.of();
    }

    @Override
    public List<String> enable(String pool, String backend) {
      return List.of();
    }

    @Override
    public ConfigStatus config() {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<Problem> validate(String hocon) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Applied configure(String hocon, Consumer<ConfigStatus> condition) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Applied reload() throws Refused {
      throw new Refused("this is a fake");
    }

    @Override
    public Applied change(
        String pool, String backend, UnaryOperator<Optional<SluiceConfig.Backend>> edit) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Explanation explain(ExplainQuery query) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean end(long flowId) {
      throw new UnsupportedOperationException();
    }

    @Override
    public FlowPage flows(FlowQuery query) {
      return new FlowPage(List.of(), Optional.empty());
    }

    @Override
    public List<Ledger> drops() {
      return List.of();
    }

    @Override
    public Capture capture(Capture.Spec wanted) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Optional<byte[]> recorded() {
      return Optional.empty();
    }

    @Override
    public Journal journal() {
      return new Journal(Instant::now);
    }

    @Override
    public CollectorRegistry metrics() {
      return new CollectorRegistry();
    }
  }
}
