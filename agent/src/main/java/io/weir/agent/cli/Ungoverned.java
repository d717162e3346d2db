package io.weir.agent.cli;

import io.weir.instrumentation.Library;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which calls pass every rule because no instrumentation governs the library that makes or receives
 * them, as the instances' status keys tell.
 */
final class Ungoverned {
  private Ungoverned() {}

  /** One library in instances of one service. Immutable but for the counting. */
  static final class Row {
    final String service;
    final String library;
    final Library.Side side;
    final String why;
    int instances;

    Row(String service, String library, Library.Side side, String why) {
      this.service = service;
      this.library = library;
      this.side = side;
      this.why = why;
    }
  }

  /**
   * Libraries that are loaded and not governed, each once for a service.
   *
   * @param service only this one; null: all
   */
  static List<Row> rows(List<LiveInstances.Member> members, @Nullable String service) {
    Map<String, Row> rows = new LinkedHashMap<String, Row>();
    for (LiveInstances.Member m : members) {
      if (service != null && !service.equals(m.service)) {
        continue;
      }
      for (Map<String, Object> found : m.coverage) {
        if (Boolean.TRUE.equals(found.get("governed"))) {
          continue;
        }
        String library = Json.text(found, "library") + " " + Json.text(found, "version");
        Library.Side side = side(found);
        String key = m.service + '\n' + library + '\n' + side;
        Row row = rows.get(key);
        if (row == null) {
          row = new Row(m.service, library, side, Json.text(found, "why"));
          rows.put(key, row);
        }
        row.instances++;
      }
    }
    return new ArrayList<Row>(rows.values());
  }

  /**
   * Why rules about calls to {@code called} may act on less than they say. Empty: nothing is known
   * against it.
   *
   * @param caller only calls of this service; null: of all
   */
  static List<String> doubts(
      List<LiveInstances.Member> members, String called, @Nullable String caller) {
    List<String> doubts = powerless(members, called);
    for (Row r : rows(members, null)) {
      if (r.side == Library.Side.SERVER && r.service.equals(called)) {
        doubts.add("calls that " + called + " receives through " + r.library + " pass every rule");
      } else if (r.side == Library.Side.CLIENT && (caller == null || caller.equals(r.service))) {
        doubts.add(
            "calls that " + r.service + " makes with " + r.library + " pass every rule of callers");
      }
    }
    return doubts;
  }

  /** Rules that none of the loaded libraries can bring to bear. */
  static List<String> powerless(List<LiveInstances.Member> members, String called) {
    List<String> found = new ArrayList<String>();
    boolean servers = false;
    boolean served = false;
    boolean clients = false;
    boolean governed = false;
    for (LiveInstances.Member m : members) {
      boolean target = m.service.equals(called);
      for (Map<String, Object> l : m.coverage) {
        boolean on = Boolean.TRUE.equals(l.get("governed"));
        if (side(l) == Library.Side.CLIENT) {
          clients = true;
          governed |= on;
        } else if (target) {
          servers = true;
          served |= on;
        }
      }
    }
    if (servers && !served) {
      found.add("no server of " + called + " is governed: limits on calls to it act nowhere");
    }
    if (clients && !governed) {
      found.add(
          "no client that any instance has loaded is governed: circuit breakers, routes and client"
              + " limits for calls to "
              + called
              + " act nowhere");
    }
    return found;
  }

  private static Library.Side side(Map<String, Object> found) {
    return Json.text(found, "side").equals(Library.Side.SERVER.word())
        ? Library.Side.SERVER
        : Library.Side.CLIENT;
  }
}
