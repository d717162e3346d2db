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
   * The order in which several rules of one service are evaluated: by id, but the rule {@code
   * default} (of the key without an id) last. A call that no row of a rule matches goes on to the
   * next rule, unless the rule has a default.
   */
  public static final Comparator<RouteRule> ORDER =
      new Comparator<RouteRule>() {
        @Override
        public int compare(RouteRule a, RouteRule b) {
          boolean aIsDefault = a.id.equals("default");
          if (aIsDefault != b.id.equals("default")) {
            return aIsDefault ? 1 : -1;
          }
          return a.id.compareTo(b.id);
        }
      };

  /** What happens to a call when the chosen arm has no live instance. */
  public enum Fallback {
    /** The call is refused. */
    NONE,
    /** The call goes to any instance without the label {@code canary}. */
    ANY,
    /** The call goes to the rule's default, or to that of the next rule that has one. */
    DEFAULT
  }

  /** How an instance is picked among those of the chosen arm. */
  public enum Balance {
    LEAST_IN_FLIGHT,
    ROUND_ROBIN,
    RENDEZVOUS
  }

  /** One destination of a route, one entry of {@code to}: which instances, and what weight. */
  public static final class Arm {
    /** Version that the instances must have; null: any. */
    public final @Nullable String version;

    /**
     * Further labels that the instances must have, and their values: {@code a} exactly, {@code a|b}
     * one of a set, {@code a*} a prefix. {@code version}, {@code region} and {@code zone} can be
     * used as labels, too.
     */
    public final Map<String, String> labels;

    /** At least 0; the weights of one route sum to more than 0. */
    public final int weight;

    /**
     * The calls this arm is for, or null. If any arm of a route has a match, the route is a table
     * of at most 64 arms. The arms that match a call share it by weight. A call that no arm matches
     * goes to the arms without match. If there are none, it goes on to the next route when the rule
     * has a default, else all arms share it.
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

    /** Whether version and labels of the instance fit; its weight and health do not matter. */
    public boolean selects(Instance i) {
      if (version != null && !version.equals(i.version())) {
        return false;
      }
      for (Map.Entry<String, String> label : labels.entrySet()) {
        if (!matches(label.getValue(), value(i, label.getKey()))) {
          return false;
        }
      }
      // canary instances only for an arm that names a version or the label canary
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

    /** {@code wanted} is a value, a set written {@code a|b|c}, or a prefix written {@code a*}. */
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
   * How an experiment (A/B test) finds a call's arm: a header names it, else a query parameter,
   * else the hash of the user's id decides. A value that names no arm is ignored and counted.
   */
  public static final class Ab {
    /** {@code header:NAME}, or null. The chosen arm is also sent downstream in it. */
    public final @Nullable Attribute header;

    /** {@code query:NAME}, or null. */
    public final @Nullable Attribute query;

    /** Attributes of which the first that is present identifies the user; may be empty. */
    public final List<Attribute> user;

    public Ab(@Nullable Attribute header, @Nullable Attribute query, List<Attribute> user) {
      this.header = header;
      this.query = query;
      this.user = Collections.unmodifiableList(user);
    }
  }

  /** One row of the rule: a match and where its calls go. */
  public static final class Route {
    public final MatchExpression match;

    /** The source of {@link #match}, or null when there is none. */
    public final @Nullable String matchText;

    public final List<Arm> to;

    /** The attribute whose equal values always get the same arm; null: arms are drawn at random. */
    public final @Nullable Attribute sticky;

    public final Fallback fallback;
    public final Map<String, String> setHeaders;

    /** Deadline of the calls, in nanos; 0: none. */
    public final long timeoutNanos;

    /** An experiment, in which the arms are named by their versions; null: none. */
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

  /** The rows; the first that matches a call decides. */
  public final List<Route> routes;

  /**
   * Where calls go that no route matches. Empty: to the next rule, and after the last rule to the
   * instances without the label {@code canary}.
   */
  public final List<Arm> defaults;

  /** Whether instances of the caller's zone come first, then those of its region. */
  public final boolean preferSameRegion;

  /**
   * Some calls go to farther instances when a smaller share of the near ones than this is
   * available, in (0, 1].
   */
  public final double spillBelow;

  public final Balance balance;

  /** The attribute that {@link Balance#RENDEZVOUS} hashes; null: the route's sticky attribute. */
  public final @Nullable Attribute hashOn;

  /** Salt of all hashes of this rule; the rule's id unless it says otherwise. */
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

  /** Does not check bounds; the parser does ({@code control.parse}). */
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
