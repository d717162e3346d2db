package io.weir.engine.colour;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.rules.RouteRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What travels with a request through this JVM: the tags of its {@code baggage} header, and every
 * header that some routing rule looks at, so that the rule decides the same on the third hop as on
 * the first although no application copies headers.
 *
 * <p>The request's own headers win over its baggage (Dubbo #11585: dynamic tags overrode them), and
 * what the application sets on an outgoing call wins over both. A carried header becomes a tag
 * under its name in lower case. Tags go out as {@code baggage} and, for the carried headers, as the
 * header itself, for whoever does not read baggage. Credentials and headers that describe one
 * message or one connection ({@code Authorization}, {@code Cookie}, {@code Host}, {@code
 * User-Agent}, ...) are never carried, even when a rule looks at them. At most {@link #MAX_HEADERS}
 * headers are carried: the first in alphabetical order.
 *
 * <p>Immutable; any thread. Without colour nothing is allocated.
 */
public final class Carried {
  /** Most headers carried, whatever the number of rules. */
  public static final int MAX_HEADERS = 64;

  /** Longest value of a carried header. */
  private static final int MAX_VALUE = 1024;

  private static final Set<String> NEVER =
      new HashSet<String>(
          Arrays.asList(
              ("accept accept-charset accept-encoding accept-language authorization baggage"
                      + " cache-control connection content-encoding content-length content-type"
                      + " cookie date expect host if-match if-modified-since if-none-match if-range"
                      + " if-unmodified-since keep-alive origin pragma proxy-authorization"
                      + " proxy-connection range referer te trailer transfer-encoding upgrade"
                      + " user-agent via")
                  .split(" ")));

  private static final String[] NOTHING = new String[0];

  private final String[] headers;

  private Carried(String[] headers) {
    this.headers = headers;
  }

  /** Carries what these rules look at. */
  public static Carried by(Collection<RouteRule> rules) {
    List<Attribute> looked = new ArrayList<Attribute>();
    for (RouteRule rule : rules) {
      rule.match.attributes(looked);
      looked.add(rule.hashOn);
      for (RouteRule.Route route : rule.routes) {
        route.match.attributes(looked);
        looked.add(route.sticky);
        for (RouteRule.Arm arm : route.to) {
          if (arm.match != null) {
            arm.match.attributes(looked);
          }
        }
        if (route.ab != null) {
          looked.add(route.ab.header);
          looked.addAll(route.ab.user);
        }
      }
    }
    Set<String> names = new TreeSet<String>();
    for (Attribute a : looked) {
      String name = a == null ? null : a.headerName();
      if (name != null && !NEVER.contains(name)) {
        names.add(name);
      }
    }
    List<String> first = new ArrayList<String>(names);
    return new Carried(
        first.subList(0, Math.min(MAX_HEADERS, first.size())).toArray(new String[0]));
  }

  /** Names of the carried headers, in lower case. */
  public List<String> headers() {
    return Arrays.asList(headers.clone());
  }

  /** The colour of a request that was just received; {@link Colour#NONE} when it has none. */
  public <C> Colour read(AttributeSource<C> source, C call) {
    List<String> pairs = null;
    for (String name : headers) {
      String value = source.header(call, name);
      if (value != null && value.length() <= MAX_VALUE) {
        if (pairs == null) {
          pairs = new ArrayList<String>();
        }
        pairs.add(name);
        pairs.add(value);
      }
    }
    String baggage = source.header(call, Baggage.HEADER);
    if (baggage != null) {
      if (pairs == null) {
        pairs = new ArrayList<String>();
      }
      Baggage.parse(baggage, pairs);
    }
    return pairs == null ? Colour.NONE : Colour.of(pairs.toArray(new String[0]));
  }

  /**
   * Headers that put a colour on an outgoing call: name, value, name, value ...; empty for none.
   * What the call has already stays: its own headers, and the members of its own baggage.
   */
  public <C> String[] write(Colour colour, AttributeSource<C> source, C call) {
    if (colour.size() == 0) {
      return NOTHING;
    }
    List<String> set = new ArrayList<String>();
    for (String name : headers) {
      String value = colour.get(name);
      if (value != null && isPrintable(value) && source.header(call, name) == null) {
        set.add(name);
        set.add(value);
      }
    }
    String own = source.header(call, Baggage.HEADER);
    String baggage = own == null ? wire(colour) : merged(own, colour);
    if (!baggage.isEmpty()) {
      set.add(Baggage.HEADER);
      set.add(baggage);
    }
    return set.toArray(new String[0]);
  }

  private static String wire(Colour colour) {
    String wire = colour.wire();
    if (wire == null) {
      wire = Baggage.format(colour);
      colour.wire(wire);
    }
    return wire;
  }

  private static String merged(String own, Colour colour) {
    List<String> there = new ArrayList<String>();
    Baggage.parse(own, there);
    StringBuilder s = new StringBuilder(own);
    for (int i = 0; i < colour.size(); i++) {
      if (!Baggage.has(there, colour.name(i))) {
        Baggage.append(s, colour.name(i), colour.value(i));
      }
    }
    return s.toString();
  }

  /** A tag may come from decoded baggage; as a header of its own it must not break out. */
  private static boolean isPrintable(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
        return false;
      }
    }
    return true;
  }
}
