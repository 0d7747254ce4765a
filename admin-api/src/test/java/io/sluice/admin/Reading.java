package io.sluice.admin;

import io.sluice.admin.Trace.Request;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What a {@link Trace} says about a backend that failed for a while and came back. Times are
 * nanoseconds, {@link #NEVER} included; requests are those of the regulars, but for the newcomers.
 *
 * @param newFlowsAvoidNs until newcomers were not sent to it any more, from the first request that
 *     it failed, whoever's
 * @param oldFlowsAgainP50Ns until its flows were answered again, each from its first request that
 *     did not find the backend well
 * @param oldFlowsAgainMaxNs the same of the flow that waited longest
 * @param recoveryNs until the backend that had come back answered again
 * @param stalledNs what the machine did by itself, while the backend was failing: the longest that
 *     a flow of another backend waited for an answer, or was late with a request
 * @param home flows that were the backend's when it failed
 * @param lostOfFlow requests without an answer, of the flow that lost most
 * @param newcomersLost the same of the newcomers
 * @param moved flows of the backend that somebody else answered later
 * @param movedInVain flows of other backends that somebody else answered later
 */
record Reading(
    long newFlowsAvoidNs,
    long oldFlowsAgainP50Ns,
    long oldFlowsAgainMaxNs,
    long recoveryNs,
    long stalledNs,
    int home,
    long sent,
    long lost,
    long lostOfFlow,
    long newcomersLost,
    int moved,
    int movedInVain) {
  static final long NEVER = Long.MAX_VALUE;

  /** So many newcomers in a row that are answered by others say that it is avoided. */
  private static final int CERTAIN = 20;

  /**
   * The time of a failure, on the trace's clock.
   *
   * @param lateNs an answer that takes as long shows that its backend is not well
   */
  record Failure(int backend, long beganAt, long endedAt, long lateNs) {
    /** Whether the backend answered, and as it should. */
    boolean spares(Request request) {
      return request.isAnswered() && request.by() == backend && request.latencyNs() < lateNs;
    }

    boolean hits(Request request) {
      return !request.isAnswered() || (request.by() == backend && !spares(request));
    }
  }

  static Reading of(Trace trace, Failure failure) {
    List<Long> again = new ArrayList<>();
    long stalledNs = 0;
    int moved = 0;
    int movedInVain = 0;
    for (int flow = 0; flow < trace.regulars(); flow++) {
      List<Request> requests = trace.of(flow).toList();
      int home = home(requests, failure.beganAt);
      boolean elsewhere =
          requests.stream()
              .anyMatch(
                  each ->
                      each.sentAt() >= failure.beganAt && each.isAnswered() && each.by() != home);
      if (home == failure.backend) {
        again.add(again(requests, failure));
        moved += elsewhere ? 1 : 0;
      } else {
        movedInVain += elsewhere ? 1 : 0;
        stalledNs = Math.max(stalledNs, stalled(requests, failure));
      }
    }
    again.sort(null);
    long sent = trace.sent() - trace.newcomers().count();
    return new Reading(
        avoided(trace, failure),
        again.isEmpty() ? 0 : again.get((again.size() - 1) / 2),
        again.isEmpty() ? 0 : again.getLast(),
        recovery(trace, failure),
        stalledNs,
        again.size(),
        sent,
        trace.lost().sum(),
        trace.lost().max().orElse(0),
        trace.newcomers().filter(each -> !each.isAnswered()).count(),
        moved,
        movedInVain);
  }

  /** Who answered last before the failure; -1: nobody. */
  private static int home(List<Request> requests, long beganAt) {
    return requests.stream()
        .takeWhile(each -> each.sentAt() < beganAt)
        .filter(Request::isAnswered)
        .reduce((first, second) -> second)
        .map(Request::by)
        .orElse(-1);
  }

  private static long again(List<Request> requests, Failure failure) {
    List<Request> from =
        requests.stream()
            .dropWhile(each -> each.sentAt() < failure.beganAt || failure.spares(each))
            .toList();
    return from.stream()
        .filter(Request::isAnswered)
        .mapToLong(each -> each.answeredAt() - from.getFirst().sentAt())
        .min()
        .orElse(from.isEmpty() ? 0 : NEVER);
  }

  private static long stalled(List<Request> requests, Failure failure) {
    List<Request> during =
        requests.stream()
            .filter(each -> each.sentAt() >= failure.beganAt && each.sentAt() < failure.endedAt)
            .toList();
    long longest = 0;
    long usual = during.isEmpty() ? 0 : (failure.endedAt - failure.beganAt) / during.size();
    long last = failure.beganAt;
    for (Request each : during) {
      longest = Math.max(longest, each.isAnswered() ? each.latencyNs() : 0);
      longest = Math.max(longest, each.sentAt() - last - usual);
      last = each.sentAt();
    }
    return longest;
  }

  private static long avoided(Trace trace, Failure failure) {
    long failedAt =
        all(trace)
            .filter(each -> each.sentAt() >= failure.beganAt && failure.hits(each))
            .mapToLong(Request::sentAt)
            .min()
            .orElse(failure.beganAt);
    long since = failedAt;
    int inARow = 0;
    for (Request newcomer : (Iterable<Request>) trace.newcomers()::iterator) {
      if (newcomer.sentAt() < failedAt) {
        continue;
      }
      if (newcomer.sentAt() >= failure.endedAt) {
        return NEVER;
      }
      boolean hit = !newcomer.isAnswered() || newcomer.by() == failure.backend;
      since = hit ? newcomer.sentAt() : since;
      inARow = hit ? 0 : inARow + 1;
      if (inARow == CERTAIN) {
        return since - failedAt;
      }
    }
    return NEVER;
  }

  private static long recovery(Trace trace, Failure failure) {
    return all(trace)
        .filter(each -> each.sentAt() >= failure.endedAt && failure.spares(each))
        .mapToLong(each -> each.answeredAt() - failure.endedAt)
        .min()
        .orElse(NEVER);
  }

  private static Stream<Request> all(Trace trace) {
    return IntStream.rangeClosed(0, trace.regulars()).boxed().flatMap(trace::of);
  }

  JsonObject json() {
    return new JsonObject()
        .put("new_flows_avoid_ms", ms(newFlowsAvoidNs))
        .put("old_flows_again_p50_ms", ms(oldFlowsAgainP50Ns))
        .put("old_flows_again_max_ms", ms(oldFlowsAgainMaxNs))
        .put("recovery_ms", ms(recoveryNs))
        .put("stalled_ms", ms(stalledNs))
        .put("home", home)
        .put("sent", sent)
        .put("lost", lost)
        .put("lost_of_flow", lostOfFlow)
        .put("newcomers_lost", newcomersLost)
        .put("moved", moved)
        .put("moved_in_vain", movedInVain);
  }

  private static Object ms(long nanos) {
    return nanos == NEVER ? "never" : Math.round(nanos / 1e5) / 10.0;
  }
}
