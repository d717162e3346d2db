package io.weir.engine.limit;

import java.security.SecureRandom;

/**
 * SipHash-1-3 (Aumasson, Bernstein 2012; the variant that Rust and Python use for their hash
 * tables) over the parts of a key, with a secret of this process.
 *
 * <p>Why a digest: a table that kept the keys themselves would let callers choose how much memory
 * they take, and would hold credentials for as long as the process lives. Why a secret: callers
 * could choose keys with the same {@code String.hashCode}. A keyed digest has a fixed size, needs
 * no concatenation for composite keys, and callers cannot make two keys collide. Some two of n keys
 * share a digest by chance with probability n^2 / 2^65: 3e-10 for 100 000 keys. They would share
 * one bucket.
 */
final class KeyHash {
  /** Digest of no parts. Every part is hashed with the digest of the parts before it. */
  static final long START = 0;

  private static final long K0;
  private static final long K1;

  static {
    SecureRandom random = new SecureRandom();
    K0 = random.nextLong();
    K1 = random.nextLong();
  }

  private KeyHash() {}

  /** The digest after one more part. */
  static long add(long digest, String part) {
    return sip(K0, K1 ^ digest, part);
  }

  /**
   * SipHash-1-3 of a string: of its Latin-1 bytes, eight to a round. If a character is not Latin-1,
   * of its 16-bit characters, four to a round and with another initial state, so that the two
   * encodings never hash the same words.
   */
  static long sip(long k0, long k1, String part) {
    // the four constants are SipHash's own
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

  /** Hashes 16-bit characters. The constant 0xee makes the other initial state. */
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
