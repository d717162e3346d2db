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
 * Decides what travels with a request through this JVM: the headers that some routing rule uses,
 * and the tags of its {@code baggage} that some rule uses. So a rule decides the same on the third
 * hop as on the first, although no application copies headers.
 *
 * <p>The headers of the request win over its baggage (Dubbo #11585: dynamic tags overrode them).
 * What the application sets on an outgoing call wins over both. A propagated header becomes a tag;
 * the name of the tag is the name of the header in lower case. A tag leaves the JVM the way it
 * came: as a header, or as a member of {@code baggage}.
 *
 * <p>Credentials, and headers that describe one message or one connection ({@code Authorization},
 * {@code Cookie}, {@code Host}, {@code User-Agent}, ...), are never propagated, even if a rule uses
 * them. At most {@link #MAX_HEADERS} headers are propagated: the first in alphabetical order.
 *
 * <p><b>Bound.</b> At most {@link Colour#MAX_ADDED} characters, names and values, are added to a
 * call, never more than came in, and all of them are ASCII. The {@code baggage} of the application
 * is never extended beyond {@link #MAX_BAGGAGE}. A tag that does not fit is left out whole. So
 * whatever a stranger sends, no call fails that would succeed without Weir.
 *
 * <p>Immutable; any thread. Without colour nothing is allocated.
 */
public final class PropagatedHeaders {
  /** Most headers propagated, whatever the number of rules. */
  public static final int MAX_HEADERS = 64;

  /** Longest {@code baggage} header that Weir makes, with the application's own members. */
  public static final int MAX_BAGGAGE = 4096;

  /** Longest value of a propagated header. */
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

  /** Names of the members of {@code baggage} that are propagated. */
  private final Set<String> tags;

  private PropagatedHeaders(String[] headers, Set<String> tags) {
    this.headers = headers;
    this.tags = tags;
  }

  /** Propagates what these routing rules use. */
  public static PropagatedHeaders by(Collection<RouteRule> rules) {
    return by(rules, Collections.<Attribute>emptyList());
  }

  /**
   * Propagates what rules use.
   *
   * @param rules routing rules: the headers and tags they use are propagated
   * @param others attributes that other rules use: they are propagated if they come as baggage
   */
  public static PropagatedHeaders by(Collection<RouteRule> rules, Collection<Attribute> others) {
    List<Attribute> used = new ArrayList<Attribute>();
    for (RouteRule rule : rules) {
      rule.match.attributes(used);
      used.add(rule.hashOn);
      for (RouteRule.Route route : rule.routes) {
        route.match.attributes(used);
        used.add(route.sticky);
        for (RouteRule.Arm arm : route.to) {
          if (arm.match != null) {
            arm.match.attributes(used);
          }
        }
        if (route.ab != null) {
          used.add(route.ab.header);
          used.addAll(route.ab.user);
        }
      }
    }
    Set<String> names = new TreeSet<String>();
    for (Attribute a : used) {
      String name = a == null ? null : a.headerName();
      if (name != null && mayTravel(name)) {
        names.add(name);
      }
    }
    Set<String> tags = new HashSet<String>(names);
    used.addAll(others);
    for (Attribute a : used) {
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

  /** Names of the propagated headers, in lower case. */
  public List<String> headers() {
    return Arrays.asList(headers.clone());
  }

  /** The colour of a request that was just received; {@link Colour#NONE} when it has no tags. */
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
    int headerCount = pairs == null ? 0 : pairs.size() / 2;
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
        : Colour.received(headerCount, received, pairs.toArray(new String[0]));
  }

  /**
   * The headers that put a colour on an outgoing call: name, value, name, value ...; empty when
   * there is nothing to add. Headers of the call, and members of its own baggage, are not replaced.
   */
  public <C> String[] write(Colour colour, AttributeSource<C> source, C call) {
    if (colour.size() == 0) {
      return NOTHING;
    }
    List<String> set = new ArrayList<String>();
    int charactersLeft = colour.room();
    for (int i = 0; i < colour.headers(); i++) {
      String name = colour.name(i);
      String value = colour.value(i);
      int length = name.length() + value.length();
      if (length <= charactersLeft && isPrintable(value)) {
        // Even if the call has this header: what else fits must not depend on the call, because
        // newBaggage keeps its text with the colour, for all calls.
        charactersLeft -= length;
        if (source.header(call, name) == null) {
          set.add(name);
          set.add(value);
        }
      }
    }
    if (colour.headers() < colour.size()) {
      String existing = source.headers(call, Baggage.HEADER);
      String baggage =
          existing == null
              ? newBaggage(colour, charactersLeft)
              : mergedBaggage(existing, colour, charactersLeft);
      if (baggage != null) {
        set.add(Baggage.HEADER);
        set.add(baggage);
      }
    }
    return set.isEmpty() ? NOTHING : set.toArray(new String[0]);
  }

  /** The value of {@code baggage} for a call that has none; null when nothing fits. */
  private static @Nullable String newBaggage(Colour colour, int charactersLeft) {
    int longest = charactersLeft - Baggage.HEADER.length();
    String wire = colour.wire();
    if (wire == null) { // "longest" depends on the colour alone, so a kept text is short enough
      StringBuilder s = new StringBuilder();
      for (int i = colour.headers(); i < colour.size(); i++) {
        Baggage.append(s, colour.name(i), colour.value(i), longest);
      }
      wire = s.toString();
      colour.wire(wire);
    }
    return wire.isEmpty() ? null : wire;
  }

  /** The application's baggage with the tags it does not have; null when nothing is to be added. */
  private static @Nullable String mergedBaggage(
      String existing, Colour colour, int charactersLeft) {
    List<String> existingTags = new ArrayList<String>();
    Baggage.parse(existing, null, existingTags);
    StringBuilder s = new StringBuilder(existing);
    int longest = Math.min(existing.length() + charactersLeft, MAX_BAGGAGE);
    for (int i = colour.headers(); i < colour.size(); i++) {
      if (!Baggage.has(existingTags, colour.name(i))) {
        Baggage.append(s, colour.name(i), colour.value(i), longest);
      }
    }
    return s.length() == existing.length() ? null : s.toString();
  }

  /**
   * Whether the text is printable ASCII. A server may have taken other characters in a header,
   * which a client library would refuse to send. (Tags of baggage are percent-encoded instead.)
   */
  private static boolean isPrintable(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
        return false;
      }
    }
    return true;
  }
}
