package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.store.Entry;
import io.weir.engine.call.HealthChecks;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What live instances say about themselves, read off their status keys. */
final class LiveInstances {
  static final String STATUS = "/weir/status/";

  /** One instance. Immutable. */
  static final class Member {
    final String service;
    final String instance;

    /** Newest revision whose rules it has looked at. */
    final long revision;

    final boolean off;
    final String agent;
    final List<Map<String, Object>> rules;

    /** Under which it is registered: {@code host:port}, often another name than its own. */
    final List<String> addresses;

    /** How long calls took lately, or null: nobody looks, or it does not say. */
    final @Nullable List<Map<String, Object>> latency;

    /** Its rules whose rate follows its health. */
    final List<Map<String, Object>> auto;

    /** Libraries it has loaded, governed or not. */
    final List<Map<String, Object>> coverage;

    /** Extensions that it has left out, and why. */
    final List<Map<String, Object>> leftOut;

    /** What it takes for health checks. */
    final HealthChecks healthChecks;

    /** Addresses beside the usual ones whose calls rules under {@code *} are not about. */
    final List<String> infrastructure;

    /** How the calls it served lately ended, or null: no caller doubts the service. */
    final @Nullable Map<String, Object> served;

    final Map<String, Object> raw;

    private Member(String service, String instance, Map<String, Object> raw) {
      this.service = service;
      this.instance = instance;
      this.raw = raw;
      revision = Json.number(raw, "revision");
      off = Boolean.TRUE.equals(raw.get("off"));
      agent = Json.text(raw, "agent");
      rules = Collections.unmodifiableList(Json.objects(raw, "rules"));
      healthChecks = healthChecks(raw.get("health_paths"));
      infrastructure = texts(raw.get("infrastructure"));
      addresses = texts(raw.get("addresses"));
      List<Map<String, Object>> libraries = new ArrayList<Map<String, Object>>();
      List<Map<String, Object>> extensions = new ArrayList<Map<String, Object>>();
      for (Map<String, Object> c : Json.objects(raw, "coverage")) {
        (c.containsKey("extension") ? extensions : libraries).add(c);
      }
      coverage = Collections.unmodifiableList(libraries);
      leftOut = Collections.unmodifiableList(extensions);
      auto = Collections.unmodifiableList(Json.objects(raw, "auto"));
      served = Json.inner(raw, "served");
      latency =
          raw.get("latency") == null
              ? null
              : Collections.unmodifiableList(Json.objects(raw, "latency"));
    }

    /** Those that do not tell have the default paths. */
    private static HealthChecks healthChecks(@Nullable Object told) {
      if (!(told instanceof List)) {
        return HealthChecks.DEFAULT;
      }
      return new HealthChecks(texts(told));
    }

    private static List<String> texts(@Nullable Object told) {
      List<String> all = new ArrayList<String>();
      for (Object one : told instanceof List ? (List<?>) told : Collections.emptyList()) {
        all.add(String.valueOf(one));
      }
      return Collections.unmodifiableList(all);
    }

    String name() {
      return service + "/" + instance;
    }

    /** Its name, and the addresses it is registered under where they are others. */
    String names() {
      return addresses.isEmpty() || addresses.equals(Collections.singletonList(instance))
          ? instance
          : instance + " = " + String.join(", ", addresses);
    }

    /** Whether a registered {@code host:port} is this instance. */
    boolean is(String service, String address) {
      return this.service.equals(service)
          && (instance.equals(address) || addresses.contains(address));
    }

    /** The first refusal among these rules, or null; an empty list means any rule. */
    @Nullable Map<String, Object> refusal(Iterable<String> keys) {
      for (Map<String, Object> r : rules) {
        if ("REJECTED".equals(r.get("state"))) {
          boolean any = true;
          for (String k : keys) {
            any = false;
            if (k.equals(r.get("key"))) {
              return r;
            }
          }
          if (any) {
            return r;
          }
        }
      }
      return null;
    }

    /** {@code SYNCED}, {@code STALE} or {@code REJECTED}. */
    String state(long newestRule) {
      if (refusal(Collections.<String>emptyList()) != null) {
        return "REJECTED";
      }
      return revision < newestRule ? "STALE" : "SYNCED";
    }
  }

  private LiveInstances() {}

  static List<Member> members(StoreView view) {
    List<Member> members = new ArrayList<Member>();
    for (Entry e : view.under(STATUS).values()) {
      String[] parts = e.key.substring(STATUS.length()).split("/", 2);
      if (parts.length == 2) {
        members.add(new Member(parts[0], parts[1], Json.readObject(e.text())));
      }
    }
    return members;
  }

  /** The newest revision at which a rule was written; deletions leave no trace here. */
  static long newestRule(StoreView view) {
    long newest = 0;
    for (Entry e : view.rules().values()) {
      newest = Math.max(newest, e.modRevision);
    }
    return newest;
  }

  /** Registered instances, as keys. */
  static List<RuleKey> registered(StoreView view) {
    List<RuleKey> keys = new ArrayList<RuleKey>();
    for (Entry e : view.under(RuleKey.INSTANCES).values()) {
      RuleKey key = RuleKey.parse(e.key);
      if (key.kind == RuleKey.Kind.INSTANCE) {
        keys.add(key);
      }
    }
    return keys;
  }
}
