package io.weir.engine.match;

import java.nio.charset.StandardCharsets;

/**
 * XXH64 of a string's UTF-8 bytes (Yann Collet's xxHash, specification 0.2.0), and the place that a
 * string gets by its hash.
 *
 * <p>A <em>place</em> is a number from 0 to 999 999; traffic is split by ranges of places. A
 * <em>unit</em> is the string that decides a call's place: mostly a user's id.
 *
 * <p>Why this hash: a unit must get the same place on every hop, in every JVM and in an operator's
 * shell ({@code xxhsum -H64}); {@code String.hashCode} is neither uniform nor independent between
 * salts. Identifiers are nearly always ASCII, where each character is one UTF-8 byte: these are
 * hashed without allocation. Any other string is first converted to one whose characters are its
 * UTF-8 bytes, which allocates.
 *
 * <p>Threads: any. Errors: none.
 */
public final class XxHash {
  /** The number of places; a share of 100 %. */
  public static final int WHOLE = 1_000_000;

  private static final long P1 = 0x9E3779B185EBCA87L;
  private static final long P2 = 0xC2B2AE3D27D4EB4FL;
  private static final long P3 = 0x165667B19E3779F9L;
  private static final long P4 = 0x85EBCA77C2B2AE63L;
  private static final long P5 = 0x27D4EB2F165667C5L;

  private XxHash() {}

  /** The seed for a salt. Hashes with different salts are independent. */
  public static long seed(String salt) {
    return hash(0, salt);
  }

  /** A unit's place in [0, {@link #WHOLE}): evenly spread, and a function of seed and unit only. */
  public static int place(long seed, String unit) {
    return (int) modulo(hash(seed, unit), WHOLE);
  }

  /** Unsigned remainder; {@code Long.remainderUnsigned} of Java 8 goes through BigInteger. */
  static long modulo(long hash, long divisor) {
    long quotient = ((hash >>> 1) / divisor) << 1;
    long rest = hash - quotient * divisor;
    return rest >= divisor ? rest - divisor : rest;
  }

  /** XXH64 of {@code text} in UTF-8. */
  public static long hash(long seed, String text) {
    for (int i = 0, n = text.length(); i < n; i++) {
      if (text.charAt(i) >= 0x80) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return bytes(seed, new String(utf8, StandardCharsets.ISO_8859_1));
      }
    }
    return bytes(seed, text);
  }

  /** XXH64 of a string whose characters are bytes. */
  private static long bytes(long seed, String s) {
    int n = s.length();
    int i = 0;
    long h;
    if (n >= 32) {
      long v1 = seed + P1 + P2;
      long v2 = seed + P2;
      long v3 = seed;
      long v4 = seed - P1;
      for (; i <= n - 32; i += 32) {
        v1 = round(v1, int64(s, i));
        v2 = round(v2, int64(s, i + 8));
        v3 = round(v3, int64(s, i + 16));
        v4 = round(v4, int64(s, i + 24));
      }
      h =
          Long.rotateLeft(v1, 1)
              + Long.rotateLeft(v2, 7)
              + Long.rotateLeft(v3, 12)
              + Long.rotateLeft(v4, 18);
      h = merge(merge(merge(merge(h, v1), v2), v3), v4);
    } else {
      h = seed + P5;
    }
    h += n;
    for (; i <= n - 8; i += 8) {
      h = Long.rotateLeft(h ^ round(0, int64(s, i)), 27) * P1 + P4;
    }
    if (i <= n - 4) {
      h = Long.rotateLeft(h ^ int32(s, i) * P1, 23) * P2 + P3;
      i += 4;
    }
    for (; i < n; i++) {
      h = Long.rotateLeft(h ^ s.charAt(i) * P5, 11) * P1;
    }
    return mix(h);
  }

  /** XXH64's final avalanche: every bit of the input affects every bit of the output. */
  public static long mix(long h) {
    h = (h ^ h >>> 33) * P2;
    h = (h ^ h >>> 29) * P3;
    return h ^ h >>> 32;
  }

  private static long round(long acc, long lane) {
    return Long.rotateLeft(acc + lane * P2, 31) * P1;
  }

  private static long merge(long h, long v) {
    return (h ^ round(0, v)) * P1 + P4;
  }

  private static long int32(String s, int i) {
    return s.charAt(i)
        | (long) s.charAt(i + 1) << 8
        | (long) s.charAt(i + 2) << 16
        | (long) s.charAt(i + 3) << 24;
  }

  private static long int64(String s, int i) {
    return int32(s, i) | int32(s, i + 4) << 32;
  }
}
