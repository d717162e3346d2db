package io.weir.control.fleet;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Writes and reads the values under {@code /circuit-breaker/TARGET/}: flat JSON objects. A value
 * that cannot be read, because somebody wrote it by hand, counts as absent. The machine still knows
 * the key's revision, so the next transition can overwrite it.
 */
final class FleetCodec {
  private static final long MILLI = 1_000_000L;

  /** A bound for values written by hand: the open time stops doubling long before. */
  private static final int MOST_ATTEMPTS = 1000;

  private FleetCodec() {}

  /**
   * @param value a {@link FleetEpoch}, {@link Vote}, {@link Objection} or {@link PublishedState};
   *     or a String, the name of the instance that probes
   * @param wallMillis the wall clock, only for people who read the value
   */
  static byte[] write(Object value, long wallMillis) {
    StringBuilder s = new StringBuilder();
    if (value instanceof FleetEpoch) {
      FleetEpoch f = (FleetEpoch) value;
      number(s, "e", f.epoch);
      text(s, "phase", word(f.phase));
      number(s, "attempt", f.attempt);
      text(s, "by", f.by);
      number(s, "openMs", f.openMillis);
    } else if (value instanceof Vote) {
      Vote v = (Vote) value;
      number(s, "e", v.epoch);
      number(s, "calls", v.calls);
      number(s, "failures", v.failures);
      text(s, "host", v.site.host);
      if (!v.site.zone.isEmpty()) {
        text(s, "zone", v.site.zone);
      }
    } else if (value instanceof Objection) {
      Objection o = (Objection) value;
      number(s, "e", o.epoch);
      text(s, "by", o.by);
      number(s, "calls", o.calls);
      number(s, "failures", o.failures);
    } else if (value instanceof PublishedState) {
      PublishedState p = (PublishedState) value;
      text(s, "state", p.state);
      if (!p.state.equals("closed")) {
        number(s, "failure_count", p.failures);
        number(s, "call_count", p.calls);
        number(s, "window_start", wallMillis - p.ageNanos / MILLI);
      }
      text(s, "by", p.by);
      number(s, "epoch", p.epoch);
      text(s, "reason", p.reason);
    } else {
      text(s, "by", (String) value);
    }
    return s.append('}').toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads a value.
   *
   * @param key relative to its target, for example {@code epoch}
   * @param leased whether the key has a lease. An instance writes each vote, objection and claim to
   *     probe under a lease. One without a lease is nobody's and would stay for ever, so it is not
   *     believed
   * @return null: the key says nothing
   */
  static @Nullable Object read(String key, byte[] value, boolean leased) {
    String text = new String(value, StandardCharsets.UTF_8);
    if (key.equals(FleetMachine.EPOCH)) {
      return fence(text);
    }
    if (key.equals(FleetMachine.STATE)) {
      return text;
    }
    if (key.equals(FleetMachine.PROBE)) {
      return leased ? word(text, "by") : FleetMachine.NOBODY;
    }
    boolean vote = key.startsWith(FleetMachine.VOTES);
    return vote || FleetMachine.slot(key) >= 0 ? testimony(text, vote, leased) : null;
  }

  private static Testimony testimony(String text, boolean vote, boolean leased) {
    String by = word(text, "by");
    boolean counts = leased && (vote || !by.isEmpty());
    long epoch = counts ? number(text, "e", -1) : -1;
    long calls = number(text, "calls", 0);
    long failures = number(text, "failures", 0);
    return vote
        ? new Vote(
            epoch, calls, failures, new FailureDomain(word(text, "host"), word(text, "zone")))
        : new Objection(epoch, by, calls, failures);
  }

  private static FleetEpoch fence(String text) {
    String phase = field(text, "phase");
    long epoch = number(text, "e", -1);
    String by = field(text, "by");
    if (epoch < 0 || by == null) {
      return FleetEpoch.NONE;
    }
    for (FleetEpoch.Phase p : FleetEpoch.Phase.values()) {
      if (word(p).equals(phase)) {
        int attempt = (int) Math.max(0, Math.min(MOST_ATTEMPTS, number(text, "attempt", 0)));
        return new FleetEpoch(epoch, p, attempt, by, Math.max(0, number(text, "openMs", 0)));
      }
    }
    return FleetEpoch.NONE;
  }

  private static String word(FleetEpoch.Phase p) {
    switch (p) {
      case OPEN:
        return "open";
      case HALF_OPEN:
        return "half-open";
      default:
        return "closed";
    }
  }

  private static void text(StringBuilder s, String name, String value) {
    name(s, name).append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\' || c < ' ') {
        s.append(String.format("\\u%04x", (int) c));
      } else {
        s.append(c);
      }
    }
    s.append('"');
  }

  private static void number(StringBuilder s, String name, long value) {
    name(s, name).append(value);
  }

  private static StringBuilder name(StringBuilder s, String name) {
    return s.append(s.length() == 0 ? '{' : ',').append('"').append(name).append("\":");
  }

  private static @Nullable String field(String text, String name) {
    Matcher m =
        Pattern.compile(
                "\"" + name + "\"\\s*:\\s*(?:\"([^\"]{0,512})\"|(-?[0-9]{1,18})(?=\\s*[,}]))")
            .matcher(text);
    return !m.find() ? null : m.group(1) != null ? m.group(1) : m.group(2);
  }

  /** Empty where there is none. */
  private static String word(String text, String name) {
    String s = field(text, name);
    return s == null ? "" : s;
  }

  private static long number(String text, String name, long otherwise) {
    String s = field(text, name);
    try {
      return s == null ? otherwise : Long.parseLong(s);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }
}
