package io.weir.engine.instances;

import org.jspecify.annotations.Nullable;

/**
 * Where this JVM runs, and how near an instance is to it.
 *
 * <p>Names of places are hierarchical by prefix: {@code cn-east-2a} is in {@code cn-east-2}, which
 * is in {@code cn-east}. A prefix ends where the name changes between letters, digits and
 * separators, so {@code cn-east-20} is not in {@code cn-east-2}.
 *
 * <p>Immutable.
 */
public final class Locality {
  /** Unknown: all instances are equally far. */
  public static final Locality UNKNOWN = new Locality(null, null);

  /** Distance: the same zone. */
  public static final int ZONE = 0;

  /** Distance: the same region, another or an unknown zone. */
  public static final int REGION = 1;

  /** Distance: anywhere else, or unknown. */
  public static final int REST = 2;

  private final @Nullable String region;
  private final @Nullable String zone;

  /**
   * @param region such as {@code cn-east-2}, or null when unknown
   * @param zone such as {@code cn-east-2a}, or null when unknown
   */
  public Locality(@Nullable String region, @Nullable String zone) {
    this.region = region;
    this.zone = zone;
  }

  public @Nullable String region() {
    return region;
  }

  public @Nullable String zone() {
    return zone;
  }

  /** How near an instance is: {@link #ZONE}, {@link #REGION} or {@link #REST}. */
  public int distance(Instance instance) {
    String r = instance.region();
    String z = instance.zone();
    boolean sameRegion = within(r, region) || within(z, region) || within(region, r);
    // some name zones only within their region ("a"), so equal zones of different regions are not
    // the same
    if (zone != null && (zone.equals(z) && (sameRegion || region == null || r == null))
        || within(r, zone)) {
      return ZONE;
    }
    return sameRegion ? REGION : REST;
  }

  /** Whether {@code place} is {@code area}, or in it. */
  static boolean within(@Nullable String place, @Nullable String area) {
    if (place == null || area == null || area.isEmpty() || !place.startsWith(area)) {
      return false;
    }
    return place.length() == area.length()
        || kind(area.charAt(area.length() - 1)) != kind(place.charAt(area.length()));
  }

  /** A number for each kind of character: digit, letter, separator. */
  private static int kind(char c) {
    return c >= '0' && c <= '9' ? 1 : Character.isLetter(c) ? 2 : 3;
  }

  @Override
  public String toString() {
    return region + "/" + zone;
  }
}
