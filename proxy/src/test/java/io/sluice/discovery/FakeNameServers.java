package io.sluice.discovery;

import io.sluice.config.Origin;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Answers what a test told it to, and remembers what it was asked. */
final class FakeNameServers implements NameServers {
  final List<String> asked = new ArrayList<>();
  private final Map<String, Answer> answers = new HashMap<>();
  private final Map<String, Throwable> failures = new HashMap<>();

  /** From now on, until told otherwise. */
  FakeNameServers says(String question, int ttlSeconds, Entry... entries) {
    failures.remove(question);
    answers.put(question, new Answer(List.of(entries), Duration.ofSeconds(ttlSeconds)));
    return this;
  }

  FakeNameServers says(String question, int ttlSeconds, String... ips) {
    return says(
        question, ttlSeconds, Stream.of(ips).map(FakeNameServers::host).toArray(Entry[]::new));
  }

  FakeNameServers fails(String question, String why) {
    failures.put(question, new IOException(why));
    return this;
  }

  /** As a decoder may that is given nonsense. */
  FakeNameServers breaks(String question, Error how) {
    failures.put(question, how);
    return this;
  }

  static Entry host(String ip) {
    return new Entry.Host(InetAddress.ofLiteral(ip));
  }

  static Entry service(int priority, int weight, int port, String target) {
    return new Entry.Service(priority, weight, port, target);
  }

  @Override
  public Answer ask(String name, Origin.Type type) throws IOException {
    String question = name + " " + type;
    asked.add(question);
    switch (failures.get(question)) {
      case null -> {}
      case Error broken -> throw broken;
      case Throwable failure -> throw (IOException) failure;
    }
    Answer answer = answers.get(question);
    if (answer == null) {
      throw new NoSuchName(question + ": there is no such name (NXDOMAIN)");
    }
    return answer;
  }
}
