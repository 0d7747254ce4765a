package io.sluice;

import io.sluice.affinity.KeyExtractor;
import io.sluice.balance.Balancer;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** What configurations may name: the built-ins and what plug-ins registered. */
public final class Plugins {
  private final Map<String, Balancer.Factory> balancers = new TreeMap<>();
  private final Map<String, KeyExtractor> keyExtractors = new TreeMap<>();

  /** Offers {@code factory} as {@code balance.policy = name}. */
  public Plugins balancer(String name, Balancer.Factory factory) {
    if (balancers.putIfAbsent(name, factory) != null) {
      throw new IllegalArgumentException("balance policy '" + name + "' is registered twice");
    }
    return this;
  }

  /** Offers {@code extractor} as {@code affinity.key = name}. */
  public Plugins keyExtractor(String name, KeyExtractor extractor) {
    if (keyExtractors.putIfAbsent(name, extractor) != null) {
      throw new IllegalArgumentException("affinity key '" + name + "' is registered twice");
    }
    return this;
  }

  Map<String, Balancer.Factory> balancers() {
    return Collections.unmodifiableMap(balancers);
  }

  Map<String, KeyExtractor> keyExtractors() {
    return Collections.unmodifiableMap(keyExtractors);
  }
}
