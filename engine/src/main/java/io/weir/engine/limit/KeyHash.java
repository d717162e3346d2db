package io.weir.engine.limit;

import java.security.SecureRandom;

/**
 * SipHash-1-3 (Aumasson, Bernstein 2012; the variant Rust and Python use for their tables) over the
 * characters of a key's parts, under a secret of this process.
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

  /** One round for every four characters, one for the rest and the length, three to finish. */
  static long sip(long k0, long k1, String part) {
    long v0 = k0 ^ 0x736f6d6570736575L;
    long v1 = k1 ^ 0x646f72616e646f6dL;
    long v2 = k0 ^ 0x6c7967656e657261L;
    long v3 = k1 ^ 0x7465646279746573L;
    int n = part.length();
    int whole = n & ~3;
    for (int at = 0; at <= whole; at += 4) {
      long word;
      if (at < whole) {
        word =
            part.charAt(at)
                | (long) part.charAt(at + 1) << 16
                | (long) part.charAt(at + 2) << 32
                | (long) part.charAt(at + 3) << 48;
      } else {
        word = (long) n << 56;
        for (int i = n - 1; i >= at; i--) {
          word |= (long) part.charAt(i) << ((i - at) << 4);
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
