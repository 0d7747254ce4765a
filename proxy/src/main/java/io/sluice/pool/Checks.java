package io.sluice.pool;

import io.sluice.probe.Probe;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.Prober;
import io.sluice.probe.Rounds;
import java.net.InetSocketAddress;
import java.util.function.Consumer;

/**
 * How backends are checked.
 *
 * @param port to ask at; 0: each backend's own
 */
record Checks(Prober prober, Probe probe, Prober.Pace pace, int port) {
  Rounds of(InetSocketAddress backend, Consumer<ProbeResult> to) {
    InetSocketAddress at = port == 0 ? backend : new InetSocketAddress(backend.getAddress(), port);
    return prober.start(probe, at, pace, to);
  }
}
