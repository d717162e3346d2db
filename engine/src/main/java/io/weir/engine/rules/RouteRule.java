package io.weir.engine.rules;

import io.weir.engine.call.Attribute;
import io.weir.engine.instances.Instance;
import io.weir.engine.match.MatchExpression;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A routing rule for calls to a service. See {@code docs/routing.md}. Immutable. */
public final class RouteRule extends Rule {
  /**
   * The order in which several rules of one service are asked: by id, the one called {@code
   * default} (of the bare key) last. What no row of a rule is about goes on to the next, unless the
   * rule has a default.
   */
  public static final Comparator<RouteRule> ORDER =
      new Comparator<RouteRule>() {
        @Override
        public int compare(RouteRule a, RouteRule b) {
          boolean last = a.id.equals("default");
          return last == b.id.equals("default") ? a.id.compareTo(b.id) : last ? 1 : -1;
        }
      };

  /** When an arm has no live instance. */
  public enum Fallback {
    NONE,
    ANY,
    DEFAULT
  }

  /** How one instance of the chosen set is picked. */
  public enum Balance {
    LEAST_IN_FLIGHT,
    ROUND_ROBIN,
    RENDEZVOUS
  }

  /** A destination and its share. */
  public static final class Arm {
    /** Version the instances must carry, or null for any. */
    public final @Nullable String version;

    /**
     * Further labels the instances must carry: {@code a} exactly, {@code a|b} one of a set, {@code
     * a*} a prefix. {@code version}, {@code region} and {@code zone} are labels too.
     */
    public final Map<String, String> labels;

    /** At least 0; the weights of one route sum to more than 0. */
    public final int weight;

    /**
     * Null outside tables. Where an arm of a route has one, the route is a table: the calls that
     * one arm alone matches are its own, several arms that match share by weight, and so do the
     * arms without match, or all arms, what no arm matches. At most 64 arms.
     */
    public final @Nullable MatchExpression match;

    public Arm(@Nullable String version, Map<String, String> labels, int weight) {
      this(version, labels, weight, null);
    }

    public Arm(
        @Nullable String version,
        Map<String, String> labels,
        int weight,
        @Nullable MatchExpression match) {
      this.version = version;
      this.labels = Collections.unmodifiableMap(labels);
      this.weight = weight;
      this.match = match;
    }

    /** Whether calls of this arm may go to the instance; its weight and health are not asked. */
    public boolean selects(Instance i) {
      if (version != null && !version.equals(i.version())) {
        return false;
      }
      for (Map.Entry<String, String> label : labels.entrySet()) {
        if (!matches(label.getValue(), value(i, label.getKey()))) {
          return false;
        }
      }
      // an arm that names neither has not said that it means the canaries too
      return i.colour() == null || version != null || labels.containsKey(Instance.CANARY);
    }

    private static @Nullable String value(Instance i, String label) {
      String own = i.labels().get(label);
      if (own != null) {
        return own;
      }
      switch (label) {
        case "version":
          return i.version();
        case "region":
          return i.region();
        case "zone":
          return i.zone();
        default:
          return null;
      }
    }

    /** Exact, a set written {@code a|b|c}, or a prefix written {@code a*}. */
    private static boolean matches(String wanted, @Nullable String value) {
      if (value == null) {
        return false;
      }
      for (String w : wanted.split("\\|")) {
        if (w.endsWith("*") ? value.startsWith(w.substring(0, w.length() - 1)) : value.equals(w)) {
          return true;
        }
      }
      return false;
    }
  }

  /**
   * How an experiment finds a call's arm: the header names one, else the query parameter does, else
   * the user's hash falls on one. A value that names no arm is ignored and counted.
   */
  public static final class Ab {
    /** {@code header:NAME}, or null. Also carries the decision downstream. */
    public final @Nullable Attribute header;

    /** {@code query:NAME}, or null. */
    public final @Nullable Attribute query;

    /** Who the user is: the first attribute that is present; possibly empty. */
    public final List<Attribute> user;

    public Ab(@Nullable Attribute header, @Nullable Attribute query, List<Attribute> user) {
      this.header = header;
      this.query = query;
      this.user = Collections.unmodifiableList(user);
    }
  }

  /** One row: a match and where its calls go. */
  public static final class Route {
    public final MatchExpression match;
    public final @Nullable String matchText;
    public final List<Arm> to;

    /** The same value always gets the same arm, or null. */
    public final @Nullable Attribute sticky;

    public final Fallback fallback;
    public final Map<String, String> setHeaders;

    /** Nanos, 0 for none. */
    public final long timeoutNanos;

    /** An experiment among the arms, which their versions name; null for none. */
    public final @Nullable Ab ab;

    public Route(
        MatchExpression match,
        @Nullable String matchText,
        List<Arm> to,
        @Nullable Attribute sticky,
        Fallback fallback,
        Map<String, String> setHeaders,
        long timeoutNanos) {
      this(match, matchText, to, sticky, fallback, setHeaders, timeoutNanos, null);
    }

    public Route(
        MatchExpression match,
        @Nullable String matchText,
        List<Arm> to,
        @Nullable Attribute sticky,
        Fallback fallback,
        Map<String, String> setHeaders,
        long timeoutNanos,
        @Nullable Ab ab) {
      this.match = match;
      this.matchText = matchText;
      this.to = Collections.unmodifiableList(to);
      this.sticky = sticky;
      this.fallback = fallback;
      this.setHeaders = Collections.unmodifiableMap(setHeaders);
      this.timeoutNanos = timeoutNanos;
      this.ab = ab;
    }
  }

  /** First match wins, top to bottom. */
  public final List<Route> routes;

  /** Where calls go that no route matches; empty: any instance not tagged as canary. */
  public final List<Arm> defaults;

  /** Region third: true prefers the caller's own zone, then its region. */
  public final boolean preferSameRegion;

  /**
   * Spills to farther instances when less than this share of the near ones is available, in (0, 1].
   */
  public final double spillBelow;

  public final Balance balance;

  /** What {@link Balance#RENDEZVOUS} hashes; null: the route's sticky attribute. */
  public final @Nullable Attribute hashOn;

  /** Salt of sticky hashes; the rule id unless the rule says otherwise. */
  public final String salt;

  private RouteRule(Builder b) {
    super(b);
    routes = Collections.unmodifiableList(b.routes);
    defaults = Collections.unmodifiableList(b.defaults);
    preferSameRegion = b.preferSameRegion;
    spillBelow = b.spillBelow;
    balance = b.balance;
    hashOn = b.hashOn;
    salt = b.salt == null ? b.id : b.salt;
  }

  @Override
  public RouteRule inShadow() {
    Builder b = new Builder();
    b.copy(this);
    b.routes = routes;
    b.defaults = defaults;
    b.preferSameRegion = preferSameRegion;
    b.spillBelow = spillBelow;
    b.balance = balance;
    b.hashOn = hashOn;
    b.salt = salt;
    return b.shadow(true).build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Bounds are checked by whoever parses. */
  public static final class Builder extends Base<Builder> {
    private List<Route> routes = Collections.emptyList();
    private List<Arm> defaults = Collections.emptyList();
    private boolean preferSameRegion;
    private double spillBelow = 0.714;
    private Balance balance = Balance.LEAST_IN_FLIGHT;
    private @Nullable Attribute hashOn;
    private @Nullable String salt;

    public Builder routes(List<Route> v) {
      routes = v;
      return this;
    }

    public Builder defaults(List<Arm> v) {
      defaults = v;
      return this;
    }

    public Builder region(boolean preferSame, double spillBelow) {
      this.preferSameRegion = preferSame;
      this.spillBelow = spillBelow;
      return this;
    }

    public Builder balance(Balance v) {
      balance = v;
      return this;
    }

    public Builder hashOn(@Nullable Attribute v) {
      hashOn = v;
      return this;
    }

    public Builder salt(@Nullable String v) {
      salt = v;
      return this;
    }

    public RouteRule build() {
      return new RouteRule(this);
    }
  }
}
