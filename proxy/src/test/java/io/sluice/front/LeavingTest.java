package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Limits;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Flows whose backend is removed from the pool under them, and those whose is not. */
@EitherSocket
@Timeout(60)
class LeavingTest {
  private static final int FLOWS = 12;

  @AutoClose private final ServedFront served;
  private List<Pool.Spec.Server> servers = List.of();

  LeavingTest(boolean connected) {
    served = new ServedFront().connected(connected);
  }

  @Test
  void flowsOfARemovedBackendMoveWithTheirNextDatagramAndOthersStay() throws Exception {
    InetSocketAddress at = served.serve(served.echo(), served.echo(), served.echo());
    List<Client> clients = assured(at);
    Backend removed = backends().getFirst();
    Set<Flow> staying = flows();
    staying.removeIf(flow -> flow.backend().equals(removed));
    int moving = FLOWS - staying.size();
    assertThat(moving).isPositive();

    reconfigure(1, 2);
    assertThat(pool().leaving()).containsExactly(removed);
    assertThat(removed.load()).as("nobody has said anything yet").isEqualTo(moving);
    for (Client client : clients) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    assertThat(flows()).containsAll(staying).hasSize(FLOWS);
    assertThat(flows()).extracting(Flow::backend).isSubsetOf(backends());
    assertThat(served.drops()).isEmpty();
    await().until(() -> served.front().flows().closed(CloseReason.REHOMED) == moving);
    assertThat(served.front().flows().opened()).isEqualTo(FLOWS + moving);
    await().until(() -> pool().leaving().isEmpty());
  }

  @Test
  void beyondTheBudgetTheyAreServedByTheRemovedOneForNow() throws Exception {
    Duration minute = Duration.ofMinutes(1);
    served.limits(new Limits(100, minute, minute, 100, 100, false, 2, false));
    InetSocketAddress at = served.serve(served.echo(), served.echo());
    List<Client> clients = assured(at);
    Backend removed = backends().getFirst();
    int before = removed.load();
    reconfigure(1);
    for (int second = 0; second * 2 < before; second++) {
      for (Client client : clients) {
        assertThat(client.ask(at, (byte) second)).containsExactly(second);
      }
      int left = Math.max(0, before - 2 * (second + 1));
      await().until(() -> removed.load() == left);
      served.pass(Duration.ofSeconds(1));
    }
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void nothingIsLostWhileBackendsComeAndGoUnderTraffic() throws Exception {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    served.limits(ServedFront.limits(100, 100, 100_000));
    InetSocketAddress at = served.serve(served.echo(), served.echo(), served.echo());
    List<Client> clients = assured(at);
    int sent = FLOWS;
    Map<Client, Set<Integer>> missing = new HashMap<>();
    for (int round = 0; round < 100; round++) {
      for (Client client : clients) {
        client.send(at, (byte) round);
        missing.computeIfAbsent(client, _ -> new HashSet<>()).add(round);
        sent++;
      }
      if (round % 3 == 0) {
        int always = random.nextInt(3);
        reconfigure(
            Stream.of(0, 1, 2)
                .filter(i -> i == always || random.nextBoolean())
                .mapToInt(i -> i)
                .toArray());
      }
      served.awaitArrivals(sent - 3 * FLOWS);
    }
    for (Client client : clients) {
      Set<Integer> missed = missing.getOrDefault(client, Set.of());
      while (!missed.isEmpty()) {
        assertThat(missed.remove((int) client.receive().payload()[0])).as("seed %d", seed).isTrue();
      }
    }
    assertThat(served.drops()).isEmpty();
    FlowTable table = served.front().flows();
    await().until(() -> table.opened() == FLOWS + table.closed(CloseReason.REHOMED));
    assertThat(table.closed(CloseReason.REHOMED)).as("seed %d", seed).isPositive();
  }

  /** Of as many clients, each with a flow that its backend has answered. */
  private List<Client> assured(InetSocketAddress at) throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int parity = 0; parity < 2; parity++) {
      clients.addAll(served.clients(FLOWS / 2, parity));
    }
    for (Client client : clients) {
      client.ask(at, (byte) 1);
    }
    served.awaitPeerSockets(FLOWS);
    servers = backends().stream().map(b -> new Pool.Spec.Server(b.name(), b.address(), 1)).toList();
    return clients;
  }

  /** From now on it has these backends only. */
  private void reconfigure(int... which) throws Exception {
    List<Pool.Spec.Server> next = new ArrayList<>();
    for (int i : which) {
      next.add(servers.get(i));
    }
    pool().reconfigure(ServedFront.spec(next, true)).get(10, TimeUnit.SECONDS);
  }

  private Set<Flow> flows() {
    served.workers.onEach(worker -> {});
    return new HashSet<>(served.front().flows().all());
  }

  private List<Backend> backends() {
    return pool().backends();
  }

  private Pool pool() {
    return served.front().pool();
  }
}
