package io.sluice.discovery;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * Stands in for an API server: EndpointSlices of one namespace, lists in pages, watches that tell
 * what has changed since, and whatever can go wrong with either.
 */
final class StandInApi implements AutoCloseable {
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, String> slices = new TreeMap<>();
  private final List<String> events = new ArrayList<>();
  private long epoch = 1;
  private int status = 200;
  private boolean hangingUp;
  private boolean stalling;

  /** As they came: the path's query and the token. */
  final List<String> asked = new CopyOnWriteArrayList<>();

  int page = 500;

  /** There is always one more page. */
  volatile boolean endless;

  StandInApi() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 16);
    server.createContext("/apis/discovery.k8s.io/v1/namespaces/games/endpointslices", this::take);
    server.setExecutor(threads);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** A slice comes or changes, or, without text, goes. */
  synchronized void puts(String name, String slice) {
    String type = slice.isEmpty() ? "DELETED" : slices.containsKey(name) ? "MODIFIED" : "ADDED";
    String object = slice.isEmpty() ? slices.remove(name) : slice;
    if (object != null) {
      if (!slice.isEmpty()) {
        slices.put(name, slice);
      }
      emit("{\"type\": \"%s\", \"object\": %s}".formatted(type, object));
    }
  }

  /** Something is to be sent to all who watch. */
  synchronized void emit(String event) {
    events.add(
        event
            .replace('\n', ' ')
            .replace("\"resourceVersion\": \"7\"", "\"resourceVersion\": \"" + version(1) + "\""));
    notifyAll();
  }

  private String version(int more) {
    return epoch + "-" + (events.size() + more);
  }

  /** Nobody can resume a watch from before this; those that run end. */
  synchronized void forgetsHistory() {
    epoch++;
    events.clear();
    hangsUp();
  }

  /** Ends all watches that run. */
  synchronized void hangsUp() {
    hangingUp = true;
    notifyAll();
  }

  /** Answers with that from now on; 200: as it should. */
  synchronized void answers(int with) {
    status = with;
    hangsUp();
  }

  /** Whether lists begin from now on, and do not go on. */
  synchronized void stalls(boolean so) {
    stalling = so;
    notifyAll();
  }

  private void stall(HttpExchange exchange) throws IOException, InterruptedException {
    exchange.sendResponseHeaders(200, 0);
    exchange.getResponseBody().write("{\"kind\": ".getBytes(UTF_8));
    exchange.getResponseBody().flush();
    synchronized (this) {
      while (stalling) {
        wait();
      }
    }
  }

  private void take(HttpExchange exchange) throws IOException {
    try (exchange) {
      String query = exchange.getRequestURI().getQuery();
      asked.add(query + " " + exchange.getRequestHeaders().getFirst("Authorization"));
      int now;
      boolean stalled;
      synchronized (this) {
        now = status;
        stalled = stalling;
      }
      if (now != 200) {
        send(
            exchange,
            now,
            "{\"kind\": \"Status\", \"code\": %d, \"message\": \"not now\"}".formatted(now));
      } else if (query.contains("watch=1")) {
        watch(exchange, parameter(query, "resourceVersion"));
      } else if (stalled) {
        stall(exchange);
      } else {
        send(exchange, 200, list(parameter(query, "continue")));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String parameter(String query, String name) {
    for (String each : query.split("&", -1)) {
      if (each.startsWith(name + "=")) {
        return each.substring(name.length() + 1);
      }
    }
    return "";
  }

  private synchronized String list(String from) {
    List<String> names = slices.keySet().stream().filter(name -> name.compareTo(from) > 0).toList();
    List<String> some = names.subList(0, Math.min(page, names.size()));
    String next = some.size() < names.size() ? some.getLast() : endless ? "more" : "";
    return "{\"kind\": \"EndpointSliceList\", \"metadata\": {\"resourceVersion\": \"%s\", \"continue\": \"%s\"}, \"items\": [%s]}"
        .formatted(
            version(0), next, some.stream().map(slices::get).collect(Collectors.joining(",")));
  }

  private void watch(HttpExchange exchange, String version)
      throws IOException, InterruptedException {
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    int at;
    synchronized (this) {
      hangingUp = false;
      if (!version.startsWith(epoch + "-")) {
        out.write(
            "{\"type\": \"ERROR\", \"object\": {\"kind\": \"Status\", \"code\": 410, \"message\": \"too old\"}}\n"
                .getBytes(UTF_8));
        return;
      }
      at = Integer.parseInt(version.substring(version.indexOf('-') + 1));
    }
    while (true) {
      List<String> some;
      synchronized (this) {
        while (events.size() <= at && !hangingUp) {
          wait();
        }
        if (hangingUp) {
          return;
        }
        some = List.copyOf(events.subList(at, events.size()));
        at = events.size();
      }
      for (String event : some) {
        out.write((event + "\n").getBytes(UTF_8));
      }
      out.flush();
    }
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
