package io.sluice.discovery;

import io.sluice.config.BackendFile;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** What came of looking for backends. */
public sealed interface Finding {

  /** In how long it looks again; empty: when there is something new. */
  Optional<Duration> next();

  /**
   * These are all there are: at least one, no two of one name or address.
   *
   * @param asides what else a person may want to know, such as what was found and left out
   */
  record Found(List<Server> servers, List<String> asides, Optional<Duration> next)
      implements Finding {
    public Found {
      servers = servers.stream().sorted(Comparator.comparing(Server::name)).toList();
      asides = List.copyOf(asides);
    }
  }

  /**
   * Nothing that could be believed: those found last are still the best guess.
   *
   * @param why in words for a person
   */
  record Failed(String why, Optional<Duration> next) implements Finding {}

  /**
   * A backend to be.
   *
   * @param weight 1 to 1,000
   */
  record Server(String name, InetSocketAddress address, int weight) {

    /** One without a name of its own. */
    static Server at(InetSocketAddress address, int weight) {
      return new Server(BackendFile.nameOf(address), address, weight);
    }
  }
}
