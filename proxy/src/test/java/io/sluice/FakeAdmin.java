package io.sluice;

import io.sluice.config.SluiceConfig;
import java.net.InetSocketAddress;
import java.util.List;

/** Stands in for the admin API, which this module must not know. */
public final class FakeAdmin implements AdminServer {
  @Override
  public Running serve(Appliance appliance, SluiceConfig.Admin config) {
    return new Running() {
      @Override
      public InetSocketAddress address() {
        return config.listen();
      }

      @Override
      public void admit(List<SluiceConfig.Token> tokens) {}

      @Override
      public void close() {
        System.out.println("close admin");
      }
    };
  }
}
