package io.sluice;

import io.sluice.config.SluiceConfig;
import java.util.List;

final class Appliances {
  private Appliances() {}

  static Transport transport() {
    return new Transport() {
      @Override
      public String name() {
        return "none";
      }

      @Override
      public List<String> kernelFeatures() {
        return List.of();
      }

      @Override
      public Datapath open(SluiceConfig config, Plugins plugins) throws StartFailure {
        throw new StartFailure("this build has no datapath");
      }
    };
  }
}
