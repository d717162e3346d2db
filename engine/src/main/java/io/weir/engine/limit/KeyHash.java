package io.weir.engine.limit;

import java.security.SecureRandom;

/**
 * SipHash-1-3 (Aumasson, Bernstein 2012; the variant Rust and Python use for their tables) over the
 * bytes of a key's parts, under a secret of this process.
 *
 * <p>A table that kept the keys themselves would let a caller choose how much memory they take and
 * would hold credentials for as long as the process lives, and {@code String.hashCode} lets him
 * choose where they land. A keyed digest has none of this: fixed size, composite keys without
 * concatenation, nothing to collide on purpose. Two keys share a digest by chance with probability
 * n^2 / 2^65: 3e-10 for a table of 100 000 keys; such keys would share one bucket.
 */
final class KeyHash {
  /** Where a composite key begins; every part is hashed under the digest of those before it. */
  static final long START = 0;

  private static final long K0;
  private static final long K1;

  static {
    SecureRandom random = new SecureRandom();
    K0 = random.nextLong();
    K1 = random.nextLong();
  }

  private KeyHash() {}

  /** Digest of the parts so far followed by {@code part}. */
  static long add(long digest, String part) {
    return sip(K0, K1 ^ digest, part);
  }

  /**
   * SipHash-1-3 of the Latin-1 bytes of {@code part}, eight to a round; of its characters, four to
   * a round and from another beginning, when one of them is no Latin-1: then no two strings can
   * have the same words.
   */
  static long sip(long k0, long k1, String part) {
    long v0 = k0 ^ 0x736f6d6570736575L;
    long v1 = k1 ^ 0x646f72616e646f6dL;
    long v2 = k0 ^ 0x6c7967656e657261L;
    long v3 = k1 ^ 0x7465646279746573L;
    int n = part.length();
    int whole = n & ~7;
    int seen = 0;
    for (int at = 0; at <= whole; at += 8) {
      long word;
      if (at < whole) {
        int c0 = part.charAt(at);
        int c1 = part.charAt(at + 1);
        int c2 = part.charAt(at + 2);
        int c3 = part.charAt(at + 3);
        int c4 = part.charAt(at + 4);
        int c5 = part.charAt(at + 5);
        int c6 = part.charAt(at + 6);
        int c7 = part.charAt(at + 7);
        seen |= c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7;
        word =
            c0
                | c1 << 8
                | c2 << 16
                | (long) c3 << 24
                | (long) c4 << 32
                | (long) c5 << 40
                | (long) c6 << 48
                | (long) c7 << 56;
      } else {
        word = (long) n << 56;
        for (int i = n - 1; i >= at; i--) {
          int c = part.charAt(i);
          seen |= c;
          word |= (long) c << ((i - at) << 3);
        }
      }
      v3 ^= word;
      v0 += v1;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v3;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 += v3;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 += v1;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v2 = Long.rotateLeft(v2, 32);
      v0 ^= word;
    }
    return seen <= 0xFF ? end(v0, v1, v2, v3) : wide(k0, k1, part);
  }

  private static long wide(long k0, long k1, String part) {
    long v0 = k0 ^ 0x736f6d6570736575L;
    long v1 = k1 ^ 0x646f72616e646f6dL ^ 0xee;
    long v2 = k0 ^ 0x6c7967656e657261L;
    long v3 = k1 ^ 0x7465646279746573L;
    int n = part.length();
    int whole = n & ~3;
    for (int at = 0; at <= whole; at += 4) {
      long word = at < whole ? 0 : (long) n << 56;
      for (int i = Math.min(at + 4, n) - 1; i >= at; i--) {
        word |= (long) part.charAt(i) << ((i - at) << 4);
      }
      v3 ^= word;
      v0 += v1;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v3;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 += v3;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 += v1;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v2 = Long.rotateLeft(v2, 32);
      v0 ^= word;
    }
    return end(v0, v1, v2, v3);
  }

  private static long end(long v0, long v1, long v2, long v3) {
    v2 ^= 0xff;
    for (int i = 0; i < 3; i++) {
      v0 += v1;
      v1 = Long.rotateLeft(v1, 13) ^ v0;
      v0 = Long.rotateLeft(v0, 32);
      v2 += v3;
      v3 = Long.rotateLeft(v3, 16) ^ v2;
      v0 += v3;
      v3 = Long.rotateLeft(v3, 21) ^ v0;
      v2 += v1;
      v1 = Long.rotateLeft(v1, 17) ^ v2;
      v2 = Long.rotateLeft(v2, 32);
    }
    return v0 ^ v1 ^ v2 ^ v3;
  }
}
