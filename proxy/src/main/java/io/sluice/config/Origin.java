package io.sluice.config;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Where backends are found that no configuration names. */
public sealed interface Origin {

  /** As the configuration has it: {@code dns}, {@code file} or {@code kubernetes}. */
  default String kind() {
    return getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  /** What is asked for, for people. */
  String wanted();

  /**
   * A name's records.
   *
   * @param port of A and AAAA; SRV brings its own
   * @param resolvers asked in this order; empty: those of the system
   * @param minTtl asked again after this long, however soon the answer expires
   * @param maxTtl asked again after this long, however late the answer expires
   * @param timeout one name server's for one answer
   */
  record Dns(
      String name,
      Type type,
      int port,
      List<InetSocketAddress> resolvers,
      Duration minTtl,
      Duration maxTtl,
      Duration timeout)
      implements Origin {
    @Override
    public String wanted() {
      return name + " " + type;
    }
  }

  /** Which records. */
  enum Type {
    A,
    AAAA,
    SRV
  }

  /** A list, {@link BackendFile}. */
  record File(Path path) implements Origin {
    @Override
    public String wanted() {
      return path.toString();
    }
  }

  /**
   * The EndpointSlices of a service.
   *
   * @param namespace empty: the one Sluice runs in
   * @param port the name or the number of one of the service's; empty: its only one
   * @param api e.g. {@code https://10.0.0.1:443}; empty: that of the cluster Sluice runs in
   * @param token holds what to show the API server; empty: the service account's, but to another
   *     cluster's {@code api} none
   * @param ca who signed the API server's certificate, PEM; empty: the service account's, but of
   *     another cluster's {@code api} whoever the JVM trusts
   */
  record Kubernetes(
      Optional<String> namespace,
      String service,
      Optional<String> port,
      Optional<String> api,
      Optional<Path> token,
      Optional<Path> ca)
      implements Origin {
    @Override
    public String wanted() {
      return namespace.map(in -> in + "/").orElse("") + service;
    }
  }
}
