package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.store.Entry;
import io.weir.engine.rules.CircuitBreakerRule.Force;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What the store says about breakers that are shared: see docs/breaker.md. */
final class FleetBreakers {
  private static final String PREFIX = "/circuit-breaker/";
  private static final String FORCE = "/force";

  /** Who votes or objects is told by name up to so many: there may be thousands. */
  private static final int MOST_NAMED = 5;

  private FleetBreakers() {}

  /**
   * Each shared breaker as an object: {@code target} (a service, or {@code service@rule}), its
   * {@code state} and who made it so, a {@code force}, and the {@code votes} and {@code objections}
   * that count now; where they are told, what {@code callers} see that want it open, and what the
   * {@code service} itself sees, each as {@code calls} and {@code failures}.
   *
   * @param service null: of all services
   */
  static List<Map<String, Object>> in(StoreView view, @Nullable String service) {
    Map<String, Map<String, Entry>> targets = new TreeMap<String, Map<String, Entry>>();
    for (Entry e : view.under(PREFIX).values()) {
      int end = e.key.indexOf('/', PREFIX.length());
      if (end > 0) {
        keys(targets, e.key.substring(PREFIX.length(), end)).put(e.key.substring(end + 1), e);
      }
    }
    for (Entry e : view.under(RuleKey.SERVICE).values()) {
      RuleKey key = RuleKey.parse(e.key);
      if (key.kind == RuleKey.Kind.FORCE && force(e) != Force.NONE) {
        String own = key.service + "@" + key.id;
        keys(targets, targets.containsKey(own) ? own : key.service).put(FORCE, e);
      }
    }
    List<Map<String, Object>> all = new ArrayList<Map<String, Object>>();
    for (Map.Entry<String, Map<String, Entry>> t : targets.entrySet()) {
      String target = t.getKey();
      if (service == null || target.equals(service) || target.startsWith(service + "@")) {
        Map<String, Object> one = one(target, t.getValue());
        if (one.size() > 1) {
          sides(one, view);
          all.add(one);
        }
      }
    }
    return all;
  }

  /** What is seen at both ends. */
  private static void sides(Map<String, Object> breaker, StoreView view) {
    long[] callers = new long[2];
    for (Map<String, Object> v : Json.objects(breaker, "votes")) {
      count(callers, v, "calls", "failures");
    }
    if (callers[0] == 0) {
      count(callers, breaker, "call_count", "failure_count");
    }
    if (callers[0] == 0) {
      return;
    }
    breaker.put("callers", Json.object("calls", callers[0], "failures", callers[1]));
    String target = Json.text(breaker, "target");
    int at = target.indexOf('@');
    String service = at < 0 ? target : target.substring(0, at);
    long[] served = new long[2];
    long until = 0;
    int instances = 0;
    for (LiveInstances.Member m : LiveInstances.members(view)) {
      if (m.service.equals(service) && m.served != null) {
        count(served, m.served, "calls", "errors");
        until = Math.max(until, Json.number(m.served, "at"));
        instances++;
      }
    }
    if (instances > 0) {
      breaker.put(
          "service",
          Json.object(
              "calls", served[0], "failures", served[1], "instances", instances, "until", until));
    }
  }

  private static void count(long[] into, Map<String, Object> from, String calls, String failures) {
    into[0] += Math.max(0, Json.number(from, calls));
    into[1] += Math.max(0, Json.number(from, failures));
  }

  private static Map<String, Entry> keys(Map<String, Map<String, Entry>> targets, String target) {
    Map<String, Entry> keys = targets.get(target);
    if (keys == null) {
      keys = new TreeMap<String, Entry>();
      targets.put(target, keys);
    }
    return keys;
  }

  private static Map<String, Object> one(String target, Map<String, Entry> keys) {
    Map<String, Object> b = new LinkedHashMap<String, Object>();
    b.put("target", target);
    Entry state = keys.get("state");
    if (state != null) {
      b.putAll(Json.readObject(state.text()));
    }
    Entry force = keys.get(FORCE);
    if (force != null) {
      b.put("force", force(force).name().toLowerCase(Locale.ROOT));
    }
    Entry fence = keys.get("epoch");
    Map<String, Object> epoch =
        fence == null ? new LinkedHashMap<String, Object>() : Json.readObject(fence.text());
    if (!epoch.isEmpty() && !Json.text(epoch, "phase").equals("closed")) {
      return b; // votes and objections are about opening what is closed
    }
    List<Object> votes = new ArrayList<Object>();
    List<Object> objections = new ArrayList<Object>();
    for (Map.Entry<String, Entry> k : keys.entrySet()) {
      boolean vote = k.getKey().startsWith("votes/");
      if (vote || k.getKey().startsWith("objections/")) {
        Map<String, Object> v = Json.readObject(k.getValue().text());
        // without a lease it would stay for ever, so instances do not believe it
        boolean counts =
            k.getValue().lease != 0
                && v.get("e") instanceof Number
                && (vote || !Json.text(v, "by").isEmpty());
        if (counts && Json.number(v, "e") == Json.number(epoch, "e")) {
          if (vote) {
            v.put("by", k.getKey().substring("votes/".length()));
          }
          (vote ? votes : objections).add(v);
        }
      }
    }
    if (!votes.isEmpty()) {
      b.put("votes", votes);
    }
    if (!objections.isEmpty() && !votes.isEmpty()) {
      b.put("objections", objections);
    }
    return b;
  }

  static Force force(Entry e) {
    Force f = RuleParser.force(e.value);
    return f == null ? Force.NONE : f;
  }

  /** The operator's hand on the breaker of that rule, as instances obey it. */
  static Force force(StoreView view, String service, String rule, boolean plain) {
    Entry own = view.get(RuleKey.SERVICE + service + FORCE + "/" + rule);
    Entry all = plain ? view.get(RuleKey.SERVICE + service + FORCE) : null;
    return own != null && force(own) != Force.NONE
        ? force(own)
        : all != null ? force(all) : Force.NONE;
  }

  static String state(Map<String, Object> breaker) {
    String forced = Json.text(breaker, "force");
    String state = Json.text(breaker, "state");
    return !forced.isEmpty() ? "forced-" + forced : state.isEmpty() ? "closed" : state;
  }

  /** Why it is as it is, and who wants what; for people. */
  static String why(Map<String, Object> breaker) {
    StringBuilder s = new StringBuilder(Json.text(breaker, "reason"));
    who(s, "votes to open", breaker, "votes");
    who(s, "objects", breaker, "objections");
    return s.toString();
  }

  /**
   * What callers see and what the service itself sees, for people; empty where one of the two is
   * not known.
   */
  static String bothSides(Map<String, Object> breaker) {
    Map<String, Object> callers = Json.inner(breaker, "callers");
    Map<String, Object> service = Json.inner(breaker, "service");
    if (callers == null || service == null) {
      return "";
    }
    long[] others = new long[2];
    for (Map<String, Object> o : Json.objects(breaker, "objections")) {
      count(others, o, "calls", "failures");
    }
    long until = Json.number(service, "until");
    return "callers see "
        + percent(callers).replace(" (", " failures (")
        + (others[0] == 0
            ? ""
            : ", other callers " + percent(Json.object("calls", others[0], "failures", others[1])))
        + ", the service itself "
        + (Json.number(service, "calls") == 0 ? "got no calls" : "sees " + percent(service))
        + (until == 0 ? "" : " in the 10 s to " + time(until));
  }

  private static String percent(Map<String, Object> seen) {
    long calls = Json.number(seen, "calls");
    long failures = Json.number(seen, "failures");
    double percent = calls == 0 ? 0 : 100.0 * failures / calls;
    String shown =
        percent > 0 && percent < 10
            ? String.format(Locale.ROOT, "%.1f", percent)
            : Long.toString(Math.round(percent));
    return shown + " % (" + failures + " of " + calls + ")";
  }

  private static String time(long millis) {
    long second = Math.floorMod(millis / 1000, 86_400L);
    return String.format(
        Locale.ROOT, "%02d:%02d:%02d UTC", second / 3600, second / 60 % 60, second % 60);
  }

  private static void who(StringBuilder s, String what, Map<String, Object> breaker, String list) {
    List<Map<String, Object>> all = Json.objects(breaker, list);
    int left = MOST_NAMED;
    for (Map<String, Object> v : all) {
      if (left-- == 0) {
        s.append("; and ").append(all.size() - MOST_NAMED).append(" more");
        return;
      }
      s.append(s.length() == 0 ? "" : "; ")
          .append(Json.text(v, "by"))
          .append(' ')
          .append(what)
          .append(" (")
          .append(Json.number(v, "failures"))
          .append(" of ")
          .append(Json.number(v, "calls"))
          .append(" failed)");
    }
  }
}
