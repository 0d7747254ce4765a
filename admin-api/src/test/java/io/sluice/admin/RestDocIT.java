package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of docs/rest.md, in their order: each is answered as the page says. */
class RestDocIT {
  private static final Pattern COMMAND = Pattern.compile("(?m)^curl (.*?) +# (\\d{3})$");

  @TempDir
  @SuppressWarnings("NullAway.Init") // by JUnit
  private Path folder;

  @Test
  void every_command_is_answered_as_the_page_says() throws Exception {
    Files.writeString(folder.resolve("sluice.conf"), CannedAppliance.HOCON);
    Matcher command = COMMAND.matcher(Files.readString(Path.of("..", "docs", "rest.md")));
    int commands = 0;
    try (AdminApi api = new AdminApi()) {
      api.appliance.open(1, 20);
      while (command.find()) {
        String line = command.group(1).replace(":9901", ":" + api.port());
        var curl = new ProcessBuilder("sh", "-c", "curl -sS -i -m 20 " + line);
        Ended ended = Ended.run(curl.directory(folder.toFile()));
        assertThat(ended.out().lines().findFirst().orElse(ended.err()))
            .as(line)
            .startsWith("HTTP/1.1 " + command.group(2));
        commands++;
      }
    }
    assertThat(commands).isGreaterThan(20);
  }
}
