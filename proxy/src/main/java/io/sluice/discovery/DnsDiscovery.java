package io.sluice.discovery;

import io.sluice.config.BackendFile;
import io.sluice.config.Origin;
import io.sluice.discovery.NameServers.Answer;
import io.sluice.discovery.NameServers.Entry.Host;
import io.sluice.discovery.NameServers.Entry.Service;
import io.sluice.discovery.NameServers.NoSuchName;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;

/**
 * Asks for a name's records, again as soon as the answer has expired.
 *
 * <p>SRV (RFC 2782): the records of the lowest priority are used, and those of the next one only
 * where none of these has an address. A target's IPv4 addresses are used, its IPv6 ones where it
 * has no others, each with the record's weight. Weights of up to 65,535 become ours of up to 1,000
 * in proportion; 0 becomes 1, the smallest share there is. A target of {@code .} is the service's
 * word that it is not to be had, and as good as no answer.
 */
final class DnsDiscovery implements Discovery {
  private static final int MAX_WEIGHT = 1_000;

  private final Origin.Dns wanted;
  private final NameServers servers;
  private final Executor asking;
  private final Rounds rounds;

  /**
   * @param asking where to wait for an answer
   * @param jitter how long to wait instead, nanoseconds: never less
   */
  DnsDiscovery(
      Origin.Dns wanted,
      NameServers servers,
      Executor asking,
      ScheduledExecutorService timer,
      LongUnaryOperator jitter) {
    this.wanted = wanted;
    this.servers = servers;
    this.asking = asking;
    rounds = new Rounds(timer, jitter);
  }

  @Override
  public void start(Consumer<Finding> to) {
    rounds.in(Duration.ZERO, () -> look(to));
  }

  private void look(Consumer<Finding> to) {
    asking.execute(
        () -> {
          Finding finding = asked();
          rounds.in(Duration.ZERO, () -> to.accept(finding));
          rounds.in(finding.next().orElse(wanted.minTtl()), () -> look(to));
        });
  }

  private Finding asked() {
    try {
      Answer answer = servers.ask(wanted.name(), wanted.type());
      Finding.Found found = wanted.type() == Origin.Type.SRV ? services(answer) : hosts(answer);
      if (found.servers().size() > BackendFile.MOST) {
        return failed(
            "%s: %d backends, and %d is the most"
                .formatted(wanted.wanted(), found.servers().size(), BackendFile.MOST));
      }
      rounds.succeeded();
      return found;
    } catch (IOException e) {
      return failed(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return failed("interrupted");
    } catch (Throwable e) {
      return failed(wanted.wanted() + ": " + e); // whatever an answer does to a decoder
    }
  }

  private Finding.Failed failed(String why) {
    return new Finding.Failed(why, Optional.of(rounds.failed()));
  }

  private Finding.Found hosts(Answer answer) {
    Map<InetSocketAddress, Integer> weights = new LinkedHashMap<>();
    for (InetAddress ip : ips(answer)) {
      weights.put(new InetSocketAddress(ip, wanted.port()), 1);
    }
    return found(weights, List.of(), answer.ttl());
  }

  private static List<InetAddress> ips(Answer answer) {
    return answer.entries().stream()
        .filter(Host.class::isInstance)
        .map(entry -> ((Host) entry).ip())
        .toList();
  }

  private Finding.Found services(Answer answer) throws IOException, InterruptedException {
    TreeMap<Integer, List<Service>> byPriority = new TreeMap<>();
    List<String> asides = new ArrayList<>();
    for (NameServers.Entry entry : answer.entries()) {
      if (!(entry instanceof Service service) || service.target().equals(".")) {
        continue;
      }
      if (service.port() == 0) {
        asides.add(service.target() + " has port 0");
      } else {
        byPriority.computeIfAbsent(service.priority(), _ -> new ArrayList<>()).add(service);
      }
    }
    if (byPriority.values().stream().mapToInt(List::size).sum() > BackendFile.MOST) {
      throw new IOException(wanted.wanted() + ": more than " + BackendFile.MOST + " records");
    }
    Duration ttl = answer.ttl();
    for (Map.Entry<Integer, List<Service>> each : byPriority.entrySet()) {
      Targets targets = targets(each.getValue(), asides);
      ttl = shorter(ttl, targets.ttl());
      if (!targets.weights().isEmpty()) {
        byPriority
            .tailMap(each.getKey(), false)
            .forEach((p, unused) -> asides.add(unused.size() + " of priority " + p + " unused"));
        return found(targets.weights(), asides, ttl);
      }
    }
    throw new NoSuchName(wanted.wanted() + ": no target has an address and a port");
  }

  private record Targets(Map<InetSocketAddress, Integer> weights, Duration ttl) {}

  private Targets targets(List<Service> services, List<String> asides)
      throws IOException, InterruptedException {
    int heaviest = services.stream().mapToInt(Service::weight).max().orElse(0);
    Map<InetSocketAddress, Integer> weights = new LinkedHashMap<>();
    Duration ttl = wanted.maxTtl();
    for (Service service : services) {
      int weight =
          heaviest > MAX_WEIGHT ? service.weight() * MAX_WEIGHT / heaviest : service.weight();
      try {
        Answer answer = address(service.target());
        ttl = shorter(ttl, answer.ttl());
        for (InetAddress ip : ips(answer)) {
          var address = new InetSocketAddress(ip, service.port());
          weights.merge(address, Math.max(1, weight), (a, b) -> Math.min(MAX_WEIGHT, a + b));
        }
      } catch (NoSuchName e) {
        asides.add(service.target() + " has no address"); // the others are right nevertheless
      }
    }
    return new Targets(weights, ttl);
  }

  private Answer address(String target) throws IOException, InterruptedException {
    try {
      return servers.ask(target, Origin.Type.A);
    } catch (NoSuchName e) {
      return servers.ask(target, Origin.Type.AAAA);
    }
  }

  private Finding.Found found(
      Map<InetSocketAddress, Integer> weights, List<String> asides, Duration ttl) {
    List<Finding.Server> found = new ArrayList<>();
    weights.forEach((address, weight) -> found.add(Finding.Server.at(address, weight)));
    Duration next = shorter(wanted.maxTtl(), ttl);
    next = next.compareTo(wanted.minTtl()) < 0 ? wanted.minTtl() : next;
    return new Finding.Found(found, asides, Optional.of(rounds.about(next)));
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  @Override
  public void close() {
    rounds.close();
  }
}
