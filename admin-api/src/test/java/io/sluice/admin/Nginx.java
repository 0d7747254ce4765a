package io.sluice.admin;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * nginx's stream module as a UDP relay, as fit for failover as it can be configured: one failure is
 * enough, clients keep their backend while it lives, and a session that is one request knows that
 * it failed when nobody answers.
 */
final class Nginx implements AutoCloseable {
  private final Path folder;
  private final Process process;

  /** Whether its packages (nginx, libnginx-mod-stream) are there. */
  static boolean isInstalled() throws Exception {
    return Ended.run("sh", "-c", "command -v nginx").status() == 0 && Files.exists(module());
  }

  static Nginx start(Netns netns, Path folder, Tempo tempo, List<Cell> cells, List<String> hosts)
      throws Exception {
    return new Nginx(netns, folder, config(tempo, cells, hosts));
  }

  private Nginx(Netns netns, Path folder, String config) throws Exception {
    this.folder = folder;
    Path file = Files.writeString(folder.resolve("nginx.conf"), config);
    List<String> command = new ArrayList<>(List.of(netns.prefix(Realtime.PREFIX)));
    command.addAll(List.of("nginx", "-p", folder.toString(), "-c", file.toString()));
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("nginx.out").toFile())
            .start();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> process.isAlive() && Files.exists(folder.resolve("nginx.pid")));
  }

  private static Path module() throws Exception {
    var path = Pattern.compile("--modules-path=(\\S+)").matcher(Ended.run("nginx", "-V").err());
    assertThat(path.find()).isTrue();
    return Path.of(path.group(1), "ngx_stream_module.so");
  }

  private static String config(Tempo tempo, List<Cell> cells, List<String> hosts) throws Exception {
    return """
    load_module %s;
    daemon off;
    user root;
    worker_processes 1;
    worker_rlimit_nofile 16000;
    pid nginx.pid;
    error_log error.log warn;
    events { use epoll; multi_accept on; worker_connections 16000; }
    stream {
      %s
    }
    """
        .formatted(
            module(), cells.stream().map(cell -> front(tempo, cell, hosts)).collect(joining("\n")));
  }

  private static String front(Tempo tempo, Cell cell, List<String> hosts) {
    boolean session = cell.relay != Cell.Relay.NGINX_REQUESTS;
    String servers =
        hosts.stream()
            .map(
                host ->
                    "server %s:%d max_fails=1 fail_timeout=%ds;"
                        .formatted(host, cell.backendPort(), tempo.ejectFor().toSeconds()))
            .collect(joining(" "));
    return """
    upstream %1$s { hash $remote_addr:$remote_port consistent; %2$s }
    server {
      listen 10.1.0.1:%3$d udp reuseport rcvbuf=4m sndbuf=4m;
      proxy_pass %1$s;
      proxy_bind %4$s;
      proxy_timeout %5$ds;
      %6$s
    }
    """
        .formatted(
            cell.title(),
            servers,
            cell.frontPort(),
            cell.source(),
            // A session as long as a flow of Sluice's, unless its end is what tells a failure.
            session ? 60 : tempo.stall().toSeconds(),
            session ? "" : "proxy_requests 1; proxy_responses 1;");
  }

  /** How often one of these hosts was taken out. */
  long disabled(Cell cell, Stream<String> hosts) throws IOException {
    List<String> log = Files.readAllLines(folder.resolve("error.log"));
    return hosts
        .mapToLong(
            host ->
                log.stream()
                    .filter(line -> line.contains("temporarily disabled"))
                    .filter(line -> line.contains(host + ":" + cell.backendPort()))
                    .count())
        .sum();
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
