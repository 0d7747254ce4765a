package io.sluice;

import static java.util.Comparator.comparingLong;

import io.sluice.Appliance.Client;
import io.sluice.Appliance.FlowPage;
import io.sluice.Appliance.FlowQuery;
import io.sluice.Appliance.FlowStatus;
import io.sluice.flow.Flow;
import io.sluice.front.Front;
import io.sluice.net.Address;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.stream.Stream;

/** Live flows of many fronts, as people look for them. */
final class FlowPages {
  private FlowPages() {}

  static FlowPage page(Collection<Front> fronts, FlowQuery query) {
    // The lowest ids above the cursor, out of however many: a heap no larger than the page and one
    // row more.
    PriorityQueue<FrontFlow> page = new PriorityQueue<>(comparingLong(row -> -row.flow.id()));
    all(fronts, query)
        .forEach(
            row -> {
              page.add(row);
              if (page.size() > query.limit() + 1) {
                page.remove();
              }
            });
    List<FrontFlow> rows =
        page.stream().sorted(comparingLong(row -> row.flow.id())).limit(query.limit()).toList();
    boolean more = page.size() > query.limit();
    long now = System.nanoTime();
    Instant wall = Instant.now();
    return new FlowPage(
        rows.stream().map(row -> status(row, now, wall)).toList(),
        more ? Optional.of(rows.getLast().flow.id()) : Optional.empty());
  }

  private record FrontFlow(Front front, Flow flow) {}

  private static Stream<FrontFlow> all(Collection<Front> fronts, FlowQuery query) {
    return fronts.stream()
        .filter(front -> query.front().isEmpty() || query.front().get().equals(front.name()))
        .flatMap(front -> front.flows().all().stream().map(flow -> new FrontFlow(front, flow)))
        .filter(row -> row.flow.id() > query.after())
        .filter(
            row ->
                query.backend().isEmpty()
                    || query.backend().get().equals(row.flow.backend().name()))
        .filter(row -> query.client().isEmpty() || isFrom(query.client().get(), row.flow));
  }

  private static boolean isFrom(Client wanted, Flow flow) {
    InetSocketAddress client = flow.key().client().toInetSocketAddress();
    return client.getAddress().equals(wanted.address())
        && (wanted.port() == 0 || wanted.port() == client.getPort());
  }

  private static FlowStatus status(FrontFlow row, long now, Instant wall) {
    Flow flow = row.flow;
    Address listen = row.front.bound(flow.key().listener());
    return new FlowStatus(
        flow.id(),
        row.front.name(),
        flow.key().client().toInetSocketAddress(),
        flow.key().local(listen).toInetSocketAddress(),
        row.front.pool().name(),
        flow.backend().name(),
        flow.worker().index(),
        flow.isAssured(),
        wall.minusNanos(now - flow.openedAt()),
        Duration.ofNanos(Math.max(0, now - flow.seenAt())),
        flow.requests(),
        flow.replies(),
        flow.requestBytes(),
        flow.replyBytes());
  }
}
