package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The real DNS client, asking one address. */
record Dig(String server, int port) {
  private static final int NO_REPLY = 9;

  /** Asks once and waits two seconds: every query that is sent is known, and so is every answer. */
  Ended ask(String... question) throws Exception {
    var command = new ArrayList<>(List.of("dig", "@" + server, "-p", Integer.toString(port)));
    command.addAll(List.of("+tries=1", "+time=2"));
    command.addAll(List.of(question));
    return Ended.run(command.toArray(String[]::new));
  }

  /**
   * Asks which {@link NameServer} answers; empty when none does.
   *
   * @param client an address, and a port where it matters: {@code 127.0.0.1#4711}
   */
  Optional<String> who(String client) throws Exception {
    Ended dig = ask("-b", client, "+short", "whoami.sluice.test", "TXT");
    assertThat(dig.status()).as(dig.out() + dig.err()).isIn(0, NO_REPLY);
    return dig.status() == 0 ? Optional.of(dig.out().strip().replace("\"", "")) : Optional.empty();
  }
}
