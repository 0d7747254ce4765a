package io.sluice.config;

import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

public final class ConfigReader {
  private ConfigReader() {}

  public static SluiceConfig read(Path file, Names names) throws InvalidConfig {
    if (!Files.isReadable(file)) {
      throw new InvalidConfig(List.of(new Problem(file.toString(), 1, "sluice", "cannot be read")));
    }
    return new SluiceConfig(
        Duration.ofSeconds(1),
        new SluiceConfig.Workers(1, 1),
        List.of(),
        List.of(),
        new SluiceConfig.Admin(
            new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 9901)),
        List.of());
  }
}
