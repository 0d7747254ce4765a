package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** What needs but a question and a table; and what all verbs have in common. */
@Command(
    name = "ctl",
    description = "Look at a running appliance, and change it, through its admin API.",
    synopsisSubcommandLabel = "VERB",
    commandListHeading = "%nVerbs:%n",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:the appliance refused, or the configuration is invalid",
      "2:wrong usage",
      "3:the appliance could not be reached"
    },
    footerHeading = "%nEnvironment:%n",
    footer = {
      "  SLUICE_ADMIN   the URL, where --admin does not say it",
      "  SLUICE_TOKEN   the token, where neither --token nor --token-file does. Whoever may list"
          + " processes sees what stands on a command line: prefer the file or the variable."
    })
final class Ctl {
  @Mixin private final Endpoint endpoint;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print what the appliance answers, as it is.")
  private boolean json;

  /** Set by picocli. */
  @Spec private @Nullable CommandSpec spec;

  Ctl(Map<String, String> environment) {
    endpoint = new Endpoint(environment);
  }

  PrintWriter out() {
    return Objects.requireNonNull(spec).commandLine().getOut();
  }

  private PrintWriter err() {
    return Objects.requireNonNull(spec).commandLine().getErr();
  }

  boolean json() {
    return json;
  }

  void print(List<String> lines) {
    lines.forEach(out()::println);
  }

  /** A sentence for people alone. */
  void say(String sentence) {
    if (!json) {
      out().println(Table.printable(sentence));
    }
  }

  /** The answer as it is, or what people read of it. */
  void show(Api.Answer answer, Function<JsonObject, List<String>> view) {
    if (json) {
      out().println(answer.text());
    } else {
      print(view.apply(answer.json()));
    }
  }

  /** Asks, and returns the status to exit with. */
  int ask(Consumer<Api> question) {
    return ask(this::connect, question);
  }

  private int ask(Supplier<Api> appliance, Consumer<Api> question) {
    try (Api api = appliance.get()) {
      question.accept(api);
      return 0;
    } catch (Failure e) {
      e.details().forEach(err()::println);
      err().println("sluice ctl: " + Table.printable(String.valueOf(e.getMessage())));
      return e.status();
    }
  }

  private Api connect() {
    Api api = endpoint.connect();
    if (api.isOverheard()) {
      err().println("sluice ctl: the token goes over the network in the clear; https keeps it");
    }
    return api;
  }

  @Command(
      description =
          "Whether clients may be sent there: exits with 0, or else 1. Takes no token, for a"
              + " container's health check.")
  int ready() {
    int status =
        ask(endpoint::connectAsNobody, api -> show(api.get("/readyz"), answer -> List.of("ready")));
    return Math.min(status, Failure.REFUSED);
  }

  @Command(description = "The appliance at a glance.")
  int status() {
    return ask(api -> show(api.get("/v1/status"), Tables::status));
  }

  @Command(description = "Where clients send to, and their flows.")
  int fronts() {
    return ask(api -> show(api.get("/v1/fronts"), Tables::fronts));
  }

  @Command(description = "Backends: their state, and why it is so.")
  int pools() {
    return ask(api -> show(api.get("/v1/pools"), pools -> Tables.pools(pools, Instant.now())));
  }

  @Command(description = "What became of every datagram: forwarded, or dropped and why.")
  int drops() {
    return ask(api -> show(api.get("/v1/drops"), Tables::drops));
  }

  @Command(description = "Event loops; with COUNT, has so many active.")
  int workers(
      @Parameters(
              arity = "0..1",
              paramLabel = "COUNT",
              description = "1 to workers.max, or auto: as many as the load needs.")
          Optional<String> count) {
    return ask(
        api ->
            show(
                count.isEmpty()
                    ? api.get("/v1/workers")
                    : api.send(
                        "PUT",
                        "/v1/workers",
                        Api.JSON,
                        JsonObject.of("count", workerCount(count.get())).encode()),
                Tables::workers));
  }

  private static int workerCount(String text) {
    if (text.equals("auto")) {
      return 0;
    }
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw Failure.usage("workers " + text + ": is to be a number, or auto");
    }
  }

  @Command(description = "Give a backend no new flows.")
  int drain(
      @Parameters(paramLabel = "POOL/BACKEND") BackendName backend,
      @Option(
              names = "--deadline",
              paramLabel = "DURATION",
              description = "After so long, such as 30s, the flows it has get other backends.")
          Optional<String> deadline) {
    JsonObject wish = new JsonObject();
    deadline.ifPresent(duration -> wish.put("deadline", duration));
    return ask(
        api ->
            show(api.send("POST", backend.path("drain"), Api.JSON, wish.encode()), backend::state));
  }

  @Command(description = "Give a drained backend flows again.")
  int enable(@Parameters(paramLabel = "POOL/BACKEND") BackendName backend) {
    return ask(
        api -> show(api.send("POST", backend.path("enable"), Api.JSON, "{}"), backend::state));
  }

  @Command(description = "End flows; a client's next datagram opens another.")
  int kill(
      @Parameters(arity = "1..*", paramLabel = "FLOW_ID", description = "As flows lists it.")
          List<String> ids) {
    return ask(
        api -> {
          for (String id : ids) {
            api.send("DELETE", Api.path("flows", id), "", "");
            say("flow " + id + " has ended");
          }
        });
  }

  @Command(description = "The configuration in force, as apply takes it.")
  int config() {
    return ask(api -> show(api.get("/v1/config"), Configurations::effective));
  }

  @Command(description = "Have the appliance read its configuration file again.")
  int reload() {
    return ask(
        api ->
            show(api.send("POST", "/v1/config/reload", Api.JSON, "{}"), Configurations::applied));
  }

  @Command(description = "Ask the appliance what is wrong with a configuration.")
  int validate(@Parameters(paramLabel = "FILE", description = "HOCON; - for stdin.") Path file) {
    return ask(
        api -> {
          String text = Configurations.read(file);
          Api.Answer answer = api.send("POST", "/v1/config/validate", Api.HOCON, text);
          show(answer, verdict -> Configurations.verdict(verdict, file));
          if (!answer.json().getBoolean("valid")) {
            throw Failure.refused("%s is invalid".formatted(file));
          }
        });
  }

  @Command(description = "Put a whole configuration in force.")
  int apply(
      @Parameters(paramLabel = "FILE", description = "HOCON; - for stdin.") Path file,
      @Option(
              names = "--if-version",
              paramLabel = "V",
              description = "Only in place of this version, as config says it.")
          Optional<String> version) {
    String[] condition =
        version.map(v -> new String[] {"If-Match", '"' + v + '"'}).orElse(new String[0]);
    return ask(
        api ->
            show(
                api.send("PUT", "/v1/config", Api.HOCON, Configurations.read(file), condition),
                Configurations::applied));
  }
}
