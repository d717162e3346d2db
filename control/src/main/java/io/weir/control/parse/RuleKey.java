package io.weir.control.parse;

import java.util.Arrays;
import java.util.List;

/**
 * A key of those by which operators and registrations steer Weir, and what it means. Here they are
 * without their namespace:
 *
 * <pre>
 * /service/SVC/rate-limit[/ID]       /service/SVC/circuit-breaker[/ID]    /service/SVC/route[/ID]
 * /service/SVC/off                   /weir/off                            /service/SVC/force[/ID]
 * /services/SVC/instances/HOST:PORT
 * </pre>
 *
 * SVC is a service name. A rule may have {@code *}: it is for every service without a rule of that
 * kind. {@code /service/*&#47;off} is the same as {@code /weir/off}. A force is for one service.
 * Immutable.
 */
public final class RuleKey {
  /** The kind of value that a key has. */
  public enum Kind {
    LIMIT("rate-limit"),
    BREAKER("circuit-breaker"),
    ROUTE("route"),
    SERVICE_OFF("off"),
    /** An operator opens or closes the fleet's breaker of a service by hand. */
    FORCE("force"),
    /** The kill switch for everything. */
    OFF("off"),
    /** The registration of an instance. */
    INSTANCE("instances"),
    /** The key has one of Weir's prefixes but none of its forms, probably a typing error. */
    UNKNOWN(""),
    /**
     * The key is not {@link #OFF} and has none of the prefixes {@link #SERVICE} and {@link
     * #INSTANCES}. It is somebody else's, or one that Weir itself writes, such as {@code
     * /circuit-breaker/...}.
     */
    FOREIGN("");

    /** The word in the key, and in an envelope's {@code type}. */
    public final String word;

    Kind(String word) {
      this.word = word;
    }

    public boolean isRule() {
      return this == LIMIT || this == BREAKER || this == ROUTE;
    }
  }

  /** The prefix of rules, of forces, and of the kill switch of one service. */
  public static final String SERVICE = "/service/";

  /** The prefix of registrations. */
  public static final String INSTANCES = "/services/";

  public static final String OFF = "/weir/off";
  private static final List<String> SERVICE_WORDS =
      Arrays.asList("rate-limit", "circuit-breaker", "route", "off", "force");

  public final String key;
  public final Kind kind;

  /** The service's name; {@code *}: all services; empty for OFF, UNKNOWN and FOREIGN. */
  public final String service;

  /**
   * For a rule: its ID, or {@code default} when the key has none. For a force: the ID of the
   * breaker's rule; empty when the key has none. For an instance: {@code host:port}. Else empty.
   */
  public final String id;

  /** Why the kind is UNKNOWN, for people; else empty. */
  public final String complaint;

  private RuleKey(String key, Kind kind, String service, String id, String complaint) {
    this.key = key;
    this.kind = kind;
    this.service = service;
    this.id = id;
    this.complaint = complaint;
  }

  /** Parses any text; never throws. */
  public static RuleKey parse(String key) {
    if (key.equals(OFF)) {
      return new RuleKey(key, Kind.OFF, "", "", "");
    }
    boolean underService = key.startsWith(SERVICE);
    if (!underService && !key.startsWith(INSTANCES)) {
      return new RuleKey(key, Kind.FOREIGN, "", "", "");
    }
    String[] parts = key.split("/", -1);
    String service = parts[2];
    if (!NameRules.isName(service) && !(underService && service.equals("*"))) {
      return unknown(key, "'" + RuleProblem.quote(service) + "' is no service name");
    }
    if (!underService) {
      return parts.length == 5 && parts[3].equals("instances") && NameRules.isAddress(parts[4])
          ? new RuleKey(key, Kind.INSTANCE, service, parts[4], "")
          : unknown(key, "expected /services/SERVICE/instances/HOST:PORT");
    }
    if (parts.length == 4 && parts[3].equals("off")) {
      return new RuleKey(key, Kind.SERVICE_OFF, service, "", "");
    }
    if (parts.length < 6 && parts.length > 3 && parts[3].equals("force")) {
      if (service.equals("*")) {
        return unknown(key, "a force is for one service: expected /service/SERVICE/force");
      }
      String id = parts.length == 5 ? parts[4] : "";
      return id.isEmpty() && parts.length == 4 || NameRules.isName(id)
          ? new RuleKey(key, Kind.FORCE, service, id, "")
          : unknown(key, "'" + RuleProblem.quote(id) + "' is no rule id");
    }
    if (parts.length == 4 || parts.length == 5) {
      for (Kind kind : Kind.values()) {
        if (kind.isRule() && kind.word.equals(parts[3])) {
          String id = parts.length == 5 ? parts[4] : "default";
          return NameRules.isName(id)
              ? new RuleKey(key, kind, service, id, "")
              : unknown(key, "'" + RuleProblem.quote(id) + "' is no rule id");
        }
      }
    }
    String near = parts.length > 3 ? Spelling.nearest(parts[3], SERVICE_WORDS) : null;
    return unknown(
        key,
        "expected /service/SERVICE/(rate-limit|circuit-breaker|route|force)[/ID] or"
            + " /service/SERVICE/off"
            + (near == null || near.equals(parts[3]) ? "" : "; did you mean " + near + "?"));
  }

  private static RuleKey unknown(String key, String complaint) {
    return new RuleKey(key, Kind.UNKNOWN, "", "", complaint);
  }

  @Override
  public String toString() {
    return key;
  }
}
