package io.weir.bootstrap;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The traffic colour of the work at hand: the tags of a request, carried with it from its entry to
 * every outgoing call.
 *
 * <p>Immutable list of name/value pairs; the current one is bound to the thread. Whoever sets it
 * puts back what was there before, so that a pooled thread never keeps a request's tags.
 */
public final class Colour {

  /** No tags. */
  public static final Colour NONE = new Colour(new String[0], 0, 0);

  /** Most characters a colour adds to a call. */
  public static final int MAX_ADDED = 1024;

  private static final ThreadLocal<Colour> CURRENT = new ThreadLocal<Colour>();

  private final String[] pairs;
  private final int headers;
  private final int received;

  /** See {@link #wire()}; racy on purpose: whoever writes it writes the same. */
  private @Nullable String wire;

  private Colour(String[] pairs, int headers, int received) {
    this.pairs = pairs;
    this.headers = headers;
    this.received = received;
  }

  /**
   * A colour of the given name, value, name, value ... pairs, as if they had come in a {@code
   * baggage} header of the greatest length; the array is copied.
   */
  public static Colour of(String... pairs) {
    return received(0, MAX_ADDED, pairs);
  }

  /**
   * The colour of a request that came in.
   *
   * @param headers how many of the pairs, the first ones, were headers of their own; the others
   *     were members of {@code baggage}
   * @param received characters of the headers they came in, names and values
   * @param pairs name, value, name, value ...; the array is copied
   */
  public static Colour received(int headers, int received, String... pairs) {
    if (pairs.length % 2 != 0) {
      throw new IllegalArgumentException(
          "pairs: expected name, value, ... but got " + pairs.length);
    }
    return pairs.length == 0 ? NONE : new Colour(pairs.clone(), headers, received);
  }

  /** The calling thread's colour; never null. */
  public static Colour current() {
    Colour c = CURRENT.get();
    return c == null ? NONE : c;
  }

  /** Binds {@code next} to the calling thread and returns what was bound before, to be put back. */
  public static Colour swap(Colour next) {
    Colour before = CURRENT.get();
    Colour now = next == NONE ? null : next;
    if (now != before) {
      // never remove(): the next get() would make a new entry, a weak reference for every request
      CURRENT.set(now);
    }
    return before == null ? NONE : before;
  }

  /** Whether both have the same tags, which came the same way. */
  boolean same(Colour other) {
    return this == other || headers == other.headers && Arrays.equals(pairs, other.pairs);
  }

  /** The value of a tag, or null. */
  public @Nullable String get(String name) {
    for (int i = 0; i < pairs.length; i += 2) {
      if (pairs[i].equals(name)) {
        return pairs[i + 1];
      }
    }
    return null;
  }

  /** Number of tags. */
  public int size() {
    return pairs.length / 2;
  }

  /** How many tags, the first ones, came as headers of their own and not as baggage. */
  public int headers() {
    return headers;
  }

  /** Most characters this colour may add to a call, names and values: never more than came in. */
  public int room() {
    return Math.min(received, MAX_ADDED);
  }

  /** Name of tag {@code i}. */
  public String name(int i) {
    return pairs[2 * i];
  }

  /** Value of tag {@code i}. */
  public String value(int i) {
    return pairs[2 * i + 1];
  }

  /** What {@link #wire(String)} left, or null. */
  public @Nullable String wire() {
    return wire;
  }

  /** Keeps this colour's form on the wire, so that it is written once, not once per call. */
  public void wire(String text) {
    wire = text;
  }

  @Override
  public String toString() {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < size(); i++) {
      s.append(i == 0 ? "" : ", ").append(name(i)).append('=').append(value(i));
    }
    return s.toString();
  }
}
