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

  private FleetBreakers() {}

  /**
   * Each shared breaker as an object: {@code target} (a service, or {@code service@rule}), its
   * {@code state} and who made it so, a {@code force}, and the {@code votes} and {@code objections}
   * that count now.
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
    for (Entry e : view.under(RuleKey.RULES).values()) {
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
          all.add(one);
        }
      }
    }
    return all;
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
        if (Json.number(v, "e") == Json.number(epoch, "e")) {
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
    Entry own = view.get(RuleKey.RULES + service + FORCE + "/" + rule);
    Entry all = plain ? view.get(RuleKey.RULES + service + FORCE) : null;
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

  private static void who(StringBuilder s, String what, Map<String, Object> breaker, String list) {
    for (Map<String, Object> v : Json.objects(breaker, list)) {
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
