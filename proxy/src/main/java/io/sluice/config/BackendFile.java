package io.sluice.config;

import io.sluice.config.SluiceConfig.Backend;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A list of backends that another program writes, HOCON or JSON: {@code { "backends": [ {
 * "address": "192.0.2.1:53", "weight": 1, "name": "a" } ] }}, of which only the address must be
 * there. Includes nothing, and takes nothing from the environment: whoever writes it need not be
 * one who may read that.
 */
public final class BackendFile {
  /** Backends at most, in whichever way they are found. */
  public static final int MOST = 1_000;

  private BackendFile() {}

  /** Reads it; a backend without a name has its {@linkplain #nameOf address's}. */
  public static List<Backend> read(Path file) throws InvalidConfig {
    Report report = new Report();
    try {
      String name = file.toString();
      Hocon hocon = Hocon.alone(name, Hocon.load(file), Hocon.MAX_BYTES, Map.of(), report);
      if (hocon != null) {
        Spot top = new Spot(name, 1, "");
        Cursor in = new Cursor("", top, hocon.value(), hocon.written(), new Effective(), report);
        List<Backend> backends = backends(in);
        in.reportUnknown();
        if (report.isEmpty()) {
          return backends;
        }
      }
    } catch (Hocon.Unreadable e) {
      report.add(new Spot(file.toString(), 1, "backends"), e.reason());
    }
    throw new InvalidConfig(report.problems());
  }

  /** The same name for the same address, however it was found. */
  public static String nameOf(InetSocketAddress address) {
    String ip = address.getAddress().getHostAddress().replace(':', '-').replace('%', '.');
    return ip + "_" + address.getPort();
  }

  private static List<Backend> backends(Cursor in) {
    Value value = in.required("backends", "backends = [ { address = \"192.0.2.1:53\" } ]");
    List<Value> elements = value == null ? null : value.elements();
    if (value == null || elements == null) {
      return List.of();
    }
    if (elements.size() > MOST) {
      value.problem("holds " + elements.size() + " backends, and " + MOST + " is the most");
      return List.of();
    }
    Conflicts.Backends addresses = new Conflicts().backends();
    Map<String, Integer> names = new HashMap<>();
    List<Backend> backends = new ArrayList<>();
    for (Value element : elements) {
      backends.add(element.section(each -> backend(each, addresses, names)));
    }
    return backends;
  }

  private static Backend backend(
      Cursor in, Conflicts.Backends addresses, Map<String, Integer> names) {
    Value at = in.required("address", "address = \"192.0.2.1:53\"");
    InetSocketAddress address = at == null ? null : at.address(1);
    if (at != null && address != null) {
      addresses.add(at, address);
    }
    Value named = in.value("name");
    String name = named == null ? null : named.text();
    if (name == null) {
      name = address == null ? "" : nameOf(address);
    } else if (!Cursor.isName(name)) {
      in.problem("name", Cursor.NAME_RULE);
    }
    Spot here = in.spot();
    Integer first = name.isEmpty() ? null : names.putIfAbsent(name, here.line());
    if (first != null) {
      in.problem("name", "'" + name + "' is the name of the one at line " + first + " already");
    }
    return new Backend(
        name, address == null ? Cursor.NOWHERE : address, in.count("weight", 1, 1_000, 1));
  }
}
