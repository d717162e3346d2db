package io.weir.engine.colour;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Attribute;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.rules.RouteRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What travels with a request through this JVM: the headers that some routing rule looks at, and of
 * its {@code baggage} the tags that some rule looks at. So a rule decides the same on the third hop
 * as on the first although no application copies headers.
 *
 * <p>The request's own headers win over its baggage (Dubbo #11585: dynamic tags overrode them), and
 * what the application sets on an outgoing call wins over both. A carried header becomes a tag
 * under its name in lower case. A tag leaves the way it came, as a header or as a member of {@code
 * baggage}. Credentials and headers that describe one message or one connection ({@code
 * Authorization}, {@code Cookie}, {@code Host}, {@code User-Agent}, ...) are never carried, even
 * when a rule looks at them. At most {@link #MAX_HEADERS} headers are carried: the first in
 * alphabetical order.
 *
 * <p><b>Bound.</b> What is added to a call, names and values, is at most {@link Colour#MAX_ADDED}
 * characters and never more than came in; all of it is ASCII. Beside baggage of the application's
 * own nothing is added that would make it longer than {@link #MAX_BAGGAGE}. What does not fit is
 * left out tag by tag, never cut. A stranger can send what he likes: it does not make a call fail
 * that would succeed without us.
 *
 * <p>Immutable; any thread. Without colour nothing is allocated.
 */
public final class PropagatedHeaders {
  /** Most headers carried, whatever the number of rules. */
  public static final int MAX_HEADERS = 64;

  /** Longest {@code baggage} header, the application's own members included, that we add to. */
  public static final int MAX_BAGGAGE = 4096;

  /** Longest value of a carried header. */
  private static final int MAX_VALUE = 1024;

  private static final Set<String> NEVER =
      new HashSet<String>(
          Arrays.asList(
              ("accept accept-charset accept-encoding accept-language authorization baggage"
                      + " cache-control connection content-encoding content-length content-type"
                      + " cookie date expect host http2-settings if-match if-modified-since"
                      + " if-none-match if-range if-unmodified-since keep-alive origin pragma range"
                      + " referer te trailer transfer-encoding upgrade user-agent via")
                  .split(" ")));

  private static final String[] NOTHING = new String[0];

  private final String[] headers;

  /** Names of the members of {@code baggage} that are carried. */
  private final Set<String> tags;

  private PropagatedHeaders(String[] headers, Set<String> tags) {
    this.headers = headers;
    this.tags = tags;
  }

  /** Carries what these rules look at. */
  public static PropagatedHeaders by(Collection<RouteRule> rules) {
    return by(rules, Collections.<Attribute>emptyList());
  }

  /**
   * Carries what rules look at.
   *
   * @param rules whose headers are carried
   * @param others what rules of other kinds look at: carried where it comes as baggage
   */
  public static PropagatedHeaders by(Collection<RouteRule> rules, Collection<Attribute> others) {
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
      if (name != null && mayTravel(name)) {
        names.add(name);
      }
    }
    Set<String> tags = new HashSet<String>(names);
    looked.addAll(others);
    for (Attribute a : looked) {
      String header = a == null ? null : a.headerName();
      String tag = a == null ? null : a.tagName();
      if (header != null && mayTravel(header)) {
        tags.add(header);
      } else if (tag != null) {
        tags.add(tag);
      }
    }
    List<String> first = new ArrayList<String>(names);
    return new PropagatedHeaders(
        first.subList(0, Math.min(MAX_HEADERS, first.size())).toArray(new String[0]), tags);
  }

  private static boolean mayTravel(String header) {
    return !NEVER.contains(header) && !header.startsWith("grpc-") && !header.startsWith("proxy-");
  }

  /** Names of the carried headers, in lower case. */
  public List<String> headers() {
    return Arrays.asList(headers.clone());
  }

  /** The colour of a request that was just received; {@link Colour#NONE} when it has none. */
  public <C> Colour read(AttributeSource<C> source, C call) {
    List<String> pairs = null;
    int received = 0;
    for (String name : headers) {
      String value = source.header(call, name);
      if (value != null && value.length() <= MAX_VALUE) {
        if (pairs == null) {
          pairs = new ArrayList<String>();
        }
        pairs.add(name);
        pairs.add(value);
        received += name.length() + value.length();
      }
    }
    int own = pairs == null ? 0 : pairs.size() / 2;
    String baggage = tags.isEmpty() ? null : source.headers(call, Baggage.HEADER);
    if (baggage != null) {
      if (pairs == null) {
        pairs = new ArrayList<String>();
      }
      Baggage.parse(baggage, tags, pairs);
      received += Baggage.HEADER.length() + Math.min(baggage.length(), Baggage.MAX_LENGTH);
    }
    return pairs == null || pairs.isEmpty()
        ? Colour.NONE
        : Colour.received(own, received, pairs.toArray(new String[0]));
  }

  /**
   * Headers that put a colour on an outgoing call: name, value, name, value ... ; empty for none.
   * What the call has already stays: its own headers, and the members of its own baggage.
   */
  public <C> String[] write(Colour colour, AttributeSource<C> source, C call) {
    if (colour.size() == 0) {
      return NOTHING;
    }
    List<String> set = new ArrayList<String>();
    int room = colour.room();
    for (int i = 0; i < colour.headers(); i++) {
      String name = colour.name(i);
      String value = colour.value(i);
      int length = name.length() + value.length();
      if (length <= room && isPrintable(value)) {
        room -= length; // also where the call has its own: what else fits does not depend on that
        if (source.header(call, name) == null) {
          set.add(name);
          set.add(value);
        }
      }
    }
    if (colour.headers() < colour.size()) {
      String own = source.headers(call, Baggage.HEADER);
      String baggage = own == null ? fresh(colour, room) : merged(own, colour, room);
      if (baggage != null) {
        set.add(Baggage.HEADER);
        set.add(baggage);
      }
    }
    return set.isEmpty() ? NOTHING : set.toArray(new String[0]);
  }

  /** Null for none. */
  private static @Nullable String fresh(Colour colour, int room) {
    int longest = room - Baggage.HEADER.length();
    String wire = colour.wire();
    if (wire == null || wire.length() > longest) {
      StringBuilder s = new StringBuilder();
      for (int i = colour.headers(); i < colour.size(); i++) {
        Baggage.append(s, colour.name(i), colour.value(i), longest);
      }
      wire = s.toString();
      colour.wire(wire);
    }
    return wire.isEmpty() ? null : wire;
  }

  /** The application's own with what it has not; null when nothing is to be added. */
  private static @Nullable String merged(String own, Colour colour, int room) {
    List<String> there = new ArrayList<String>();
    Baggage.parse(own, null, there);
    StringBuilder s = new StringBuilder(own);
    int longest = Math.min(own.length() + room, MAX_BAGGAGE);
    for (int i = colour.headers(); i < colour.size(); i++) {
      if (!Baggage.has(there, colour.name(i))) {
        Baggage.append(s, colour.name(i), colour.value(i), longest);
      }
    }
    return s.length() == own.length() ? null : s.toString();
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
