package io.sluice.ctl;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Who talks to whom, a page at a time. */
@Command(
    name = "flows",
    description = "Live flows, oldest first.",
    footer = {
      "",
      "--json prints one answer after another as it comes: jq '.flows[]' reads them all."
    })
final class Flows implements Callable<Integer> {
  private static final long LARGEST_PAGE = 1_000;

  private final Ctl ctl;

  @Mixin private final Whose whose = new Whose();

  @Option(names = "--backend", paramLabel = "B", description = "Only to backends of this name.")
  private @Nullable String backend;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "100",
      description = "So many at most; by default ${DEFAULT-VALUE}.")
  private long limit;

  @Option(names = "--all", description = "All there are, however many.")
  private boolean all;

  Flows(Ctl ctl) {
    this.ctl = ctl;
  }

  @Override
  public Integer call() {
    return ctl.ask(this::list);
  }

  private void list(Api api) {
    long left = all ? Long.MAX_VALUE : Math.max(1, limit);
    Optional<String> cursor = Optional.empty();
    do {
      Api.Answer page = api.get("/v1/flows" + query(left, cursor));
      ctl.show(page, Tables::flows);
      left -= Tables.objects(page.json(), "flows").size();
      cursor = Optional.ofNullable(page.json().getString("nextCursor"));
    } while (cursor.isPresent() && left > 0 && !ctl.out().checkError());
    if (cursor.isPresent()) {
      ctl.say("There are more: --all, or a larger --limit, shows them.");
    }
  }

  private String query(long left, Optional<String> cursor) {
    return whose.query(
        Map.of(
            "backend", Optional.ofNullable(backend),
            "limit", Optional.of(Math.min(left, LARGEST_PAGE)),
            "cursor", cursor));
  }
}
