package io.sluice;

import io.sluice.config.SluiceConfig;
import java.util.List;

/** How datagrams move on this machine: everything that opens a socket of a flow is behind it. */
interface Transport {

  /** For people, e.g. {@code epoll, recvmmsg/sendmmsg}. */
  String name();

  /** What the running kernel offers of the features Sluice uses, e.g. {@code UDP_GRO}. */
  List<String> kernelFeatures();

  /**
   * Binds every front of {@code config}; datagrams move once this returns.
   *
   * @throws StartFailure with nothing left open
   */
  Datapath open(SluiceConfig config, Plugins plugins) throws StartFailure;
}
