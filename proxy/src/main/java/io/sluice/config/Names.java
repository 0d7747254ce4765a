package io.sluice.config;

import java.util.Set;

/**
 * What a configuration may name beside the things it declares itself: built-ins and what plug-ins
 * registered. Passed in, because this room imports no other.
 *
 * @param policies for {@code balance.policy}
 * @param affinityKeys for {@code affinity.key}
 * @param probes for {@code health.probe.type}
 * @param filters for {@code filters.type}
 */
public record Names(
    Set<String> policies, Set<String> affinityKeys, Set<String> probes, Set<String> filters) {
  public Names {
    policies = Set.copyOf(policies);
    affinityKeys = Set.copyOf(affinityKeys);
    probes = Set.copyOf(probes);
    filters = Set.copyOf(filters);
  }
}
