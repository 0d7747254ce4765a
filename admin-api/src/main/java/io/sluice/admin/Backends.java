package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Appliance;
import io.sluice.Appliance.Applied;
import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.PoolStatus;
import io.sluice.Refused;
import io.sluice.admin.Operations.Handler;
import io.sluice.admin.Operations.Request;
import io.sluice.config.InvalidConfig;
import io.sluice.config.SluiceConfig.Backend;
import io.vertx.core.json.JsonObject;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** The operations on one backend. */
final class Backends {
  private static final int DEFAULT_WEIGHT = 1;

  private final Appliance appliance;

  Backends(Appliance appliance) {
    this.appliance = appliance;
  }

  Map<String, Handler> handlers() {
    return Map.of(
        "getBackend", new Handler(false, this::get),
        "putBackend", new Handler(false, this::put),
        "changeBackend", new Handler(false, this::patch),
        "removeBackend", new Handler(false, this::remove),
        "drainBackend", Operations.json(this::drain),
        "enableBackend", Operations.json(this::enable));
  }

  private Reply get(Request request) {
    BackendStatus backend = backendOf(request);
    return Reply.ok(Views.backend(backend)).header("ETag", etag(backend));
  }

  private Reply put(Request request) {
    Backend wanted = wanted(name(request), request.content());
    AtomicBoolean created = new AtomicBoolean();
    Applied applied =
        change(
            request,
            now -> {
              created.set(now.isEmpty());
              return Optional.of(wanted);
            });
    BackendStatus backend = backendOf(request);
    JsonObject view = Views.backend(backend, applied.warnings());
    Reply reply = created.get() ? Reply.created(view, location(request)) : Reply.ok(view);
    return reply.header("ETag", etag(backend));
  }

  private Reply patch(Request request) {
    Applied applied =
        change(request, now -> Optional.of(patched(existing(request, now), request.content())));
    BackendStatus backend = backendOf(request);
    return Reply.ok(Views.backend(backend, applied.warnings())).header("ETag", etag(backend));
  }

  private Reply remove(Request request) {
    change(
        request,
        now -> {
          existing(request, now);
          return Optional.empty();
        });
    return Reply.done();
  }

  /** Conditions come after all else that might be wrong: RFC 9110, section 13.2.1. */
  private Applied change(Request request, UnaryOperator<Optional<Backend>> edit) {
    PoolStatus pool = poolOf(request);
    Conditions conditions = Conditions.of(request.call());
    try {
      return appliance.change(
          pool.name(),
          name(request),
          now -> {
            Optional<Backend> then = edit.apply(now);
            conditions.require(now.map(is -> etag(is.address(), is.weight())));
            return then;
          });
    } catch (InvalidConfig e) {
      throw Problem.invalid(e);
    } catch (Refused e) {
      throw Problem.refused(e);
    } catch (IllegalArgumentException e) {
      throw gone(e);
    }
  }

  /** As it was looked for before, it went in between. */
  private static Problem gone(IllegalArgumentException e) {
    return Problem.of(HttpResponseStatus.NOT_FOUND, String.valueOf(e.getMessage()));
  }

  private Backend existing(Request request, Optional<Backend> now) {
    return now.orElseThrow(
        () ->
            Problem.unknown(
                "backend",
                name(request),
                poolOf(request).backends().stream().map(BackendStatus::name).toList()));
  }

  private static Backend wanted(String name, JsonObject content) {
    return new Backend(name, address(content), content.getInteger("weight", DEFAULT_WEIGHT));
  }

  /** RFC 7396: what is not named stays, null is the default, which an address has not. */
  private static Backend patched(Backend now, JsonObject patch) {
    Integer weight = patch.getInteger("weight", now.weight());
    return new Backend(
        now.name(),
        patch.containsKey("address") ? address(patch) : now.address(),
        Objects.requireNonNullElse(weight, DEFAULT_WEIGHT));
  }

  private static InetSocketAddress address(JsonObject content) {
    String address = content.getString("address");
    if (address == null) {
      throw Problem.invalid("address", "is required: write e.g. 192.0.2.1:53");
    }
    try {
      return Backend.parseAddress(address);
    } catch (IllegalArgumentException e) {
      throw Problem.invalid("address", "'" + address + "' " + e.getMessage());
    }
  }

  private static String etag(BackendStatus backend) {
    return etag(backend.address(), backend.weight());
  }

  private static String etag(InetSocketAddress address, int weight) {
    return Conditions.etag(
        address.getAddress().getHostAddress() + " " + address.getPort() + " " + weight);
  }

  /** No name the configuration has let pass needs to be escaped. */
  private static String location(Request request) {
    return "/v1/pools/" + poolName(request) + "/backends/" + name(request);
  }

  private static String poolName(Request request) {
    return request.call().get("pool", String.class);
  }

  private static String name(Request request) {
    return request.call().get("backend", String.class);
  }

  private PoolStatus poolOf(Request request) {
    return Operations.named("pool", poolName(request), appliance.pools(), PoolStatus::name);
  }

  private BackendStatus backendOf(Request request) {
    return Operations.named(
        "backend", name(request), poolOf(request).backends(), BackendStatus::name);
  }

  private JsonObject drain(Request request) {
    Optional<Duration> deadline =
        Optional.ofNullable(request.content().getString("deadline")).map(Backends::duration);
    String backend = backendOf(request).name();
    return decided(request, pool -> appliance.drain(pool, backend, deadline));
  }

  private JsonObject enable(Request request) {
    // One that is not there either: else, found again, it would come back drained for ever.
    return decided(request, pool -> appliance.enable(pool, name(request)));
  }

  private JsonObject decided(Request request, Function<String, List<String>> decision) {
    try {
      List<String> warnings = decision.apply(poolOf(request).name());
      return Views.backend(backendOf(request), warnings);
    } catch (IllegalArgumentException e) {
      throw gone(e);
    }
  }

  private static Duration duration(String text) {
    if (!text.matches("[0-9]{1,6}(ms|s|m|h)")) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST,
          "deadline is to be a duration such as 500ms, 30s, 5m or 1h, not '" + text + "'");
    }
    int unit = text.replaceAll("[a-z]+$", "").length();
    long number = Long.parseLong(text.substring(0, unit));
    return switch (text.substring(unit)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }
}
