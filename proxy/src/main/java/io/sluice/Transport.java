package io.sluice;

import io.sluice.config.Document;
import java.util.List;

/** How datagrams move on this machine: everything that opens a socket of a flow is behind it. */
interface Transport {

  /** For people, e.g. {@code epoll, recvmmsg/sendmmsg}. */
  String name();

  /** What the running kernel offers of the features Sluice uses, e.g. {@code UDP_GRO}. */
  List<String> kernelFeatures();

  /**
   * Binds every front of a configuration, with what its state file changes of it; datagrams move
   * once this returns.
   *
   * @throws StartFailure with nothing left open
   */
  Datapath open(Document config, Plugins plugins) throws StartFailure;
}
