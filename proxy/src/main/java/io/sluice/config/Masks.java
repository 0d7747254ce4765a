package io.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Puts secrets back where they were masked, so that what was read from a running appliance can be
 * changed and given back to it. Elements of lists are the same if they have the same name: those
 * without have no secrets to be put back.
 */
final class Masks {
  private Masks() {}

  /**
   * What is masked where {@code inForce} has no secret stays so, and is a problem to its reader.
   */
  static ConfigObject lift(ConfigObject given, Map<?, ?> inForce) {
    Map<String, ConfigValue> lifted = new HashMap<>(); // withValue would copy all for each
    given.forEach((key, value) -> lifted.put(key, liftResolved(value, inForce.get(key))));
    return ConfigValueFactory.fromMap(lifted).withOrigin(given.origin());
  }

  private static ConfigValue liftResolved(ConfigValue given, @Nullable Object inForce) {
    try {
      return lift(given, inForce);
    } catch (ConfigException.NotResolved e) {
      return given; // its reader reports it
    }
  }

  private static ConfigValue lift(ConfigValue given, @Nullable Object inForce) {
    return switch (given) {
      case ConfigObject object when inForce instanceof Effective section ->
          lift(object, section.keys());
      case ConfigList list when inForce instanceof List<?> elements -> lift(list, elements);
      case ConfigValue value when inForce instanceof Effective.Secret secret && isMask(value) ->
          ConfigValueFactory.fromAnyRef(secret.text()).withOrigin(value.origin());
      default -> given;
    };
  }

  private static boolean isMask(ConfigValue value) {
    return value.valueType() == ConfigValueType.STRING && Effective.MASK.equals(value.unwrapped());
  }

  private static @Nullable Object name(Object element) {
    return switch (element) {
      case Effective section -> section.keys().get("name");
      case ConfigObject object when object.containsKey("name") -> object.get("name").unwrapped();
      default -> null;
    };
  }

  private static ConfigValue lift(ConfigList given, List<?> inForce) {
    List<ConfigValue> lifted = new ArrayList<>();
    for (ConfigValue element : given) {
      Object same =
          inForce.stream()
              .filter(each -> name(each) != null && Objects.equals(name(element), name(each)))
              .findFirst()
              .orElse(null);
      lifted.add(liftResolved(element, same));
    }
    return ConfigValueFactory.fromIterable(lifted).withOrigin(given.origin());
  }
}
