package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class KeyedBucketsTest {
  private static final long S = 1_000_000_000L;
  private final ExecutorService pool = Executors.newFixedThreadPool(2);

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private static CallLedger ledger() {
    CallLedger t = new CallLedger();
    t.begin(0, null);
    return t;
  }

  /** A number nobody could tell from a digest. */
  private static long key(long i) {
    long z = i * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    return z ^ (z >>> 27);
  }

  @Tag("no-mutation")
  @Test
  void millionsOfKeysStayWithinTheBoundAndTheLaw() {
    int maxKeys = 20_000;
    RateTerms terms = new RateTerms(0, 10, 5, 0, 1, 0);
    KeyedBuckets table = new KeyedBuckets(maxKeys, terms, 0);
    CallLedger ledger = ledger();
    int millions = 3;
    long step = 1_000; // a million new keys a second, each called once
    long admitted = 0;
    for (long i = 0; i < millions * 1_000_000L; i++) {
      ledger.begin(0, null);
      admitted += table.take(key(i), terms, maxKeys, i * step, ledger) >= 0 ? 1 : 0;
    }
    assertThat(table.size()).isEqualTo(maxKeys);
    assertThat(table.countNodes()).isEqualTo(maxKeys);
    // each of 20 000 buckets and the overflow bucket may give its burst and its rate, and no more
    assertThat(admitted).isLessThanOrEqualTo((maxKeys + 1) * (5 + 10L * millions));
    // a bucket of which one token was taken is full again after a tenth of a second, so the table
    // turns over ten times a second: it must not be the overflow bucket alone that admits
    assertThat(admitted).isGreaterThan(maxKeys * 10L * millions / 2);
  }

  @Tag("no-mutation")
  @Test
  void twoCallersWithOneNewKeyShareOneBucket() throws Exception {
    int rounds = 20_000;
    RateTerms terms = new RateTerms(0, 1e-6, 3, 0, 1, 0);
    int maxKeys = rounds + 1; // both may ask for room before one finds the other's bucket
    KeyedBuckets table = new KeyedBuckets(maxKeys, terms, 0);
    CyclicBarrier together = new CyclicBarrier(2);
    List<Future<int[]>> both = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      both.add(
          pool.submit(
              () -> {
                int[] admitted = new int[rounds];
                CallLedger ledger = ledger();
                together.await();
                for (int i = 0; i < rounds; i++) {
                  for (int j = 0; j < 3; j++) {
                    ledger.begin(0, null);
                    admitted[i] += table.take(key(i), terms, maxKeys, 0, ledger) >= 0 ? 1 : 0;
                  }
                }
                return admitted;
              }));
    }
    int[] a = both.get(0).get();
    int[] b = both.get(1).get();
    for (int i = 0; i < rounds; i++) {
      assertThat(a[i] + b[i]).isEqualTo(3);
    }
    assertThat(table.size()).isEqualTo(rounds);
    assertThat(table.countNodes()).isEqualTo(rounds);
  }

  /**
   * One thread calls with one key whenever it may have tokens; the other makes keys up, so that
   * this bucket is retired whenever it is full. No interleaving may mint.
   */
  @Tag("no-mutation")
  @Test
  void aBucketRetiredWhileItIsAskedMintsNothing() throws Exception {
    int maxKeys = 4;
    long seconds = 200;
    RateTerms terms = new RateTerms(0, 10, 2, 0, 1, 0);
    KeyedBuckets table = new KeyedBuckets(maxKeys, terms, 0);
    AtomicLong clock = new AtomicLong();
    Future<?> churn =
        pool.submit(
            () -> {
              CallLedger ledger = ledger();
              Random random = new Random(5);
              long now;
              while ((now = clock.addAndGet(100_000)) < seconds * S) {
                ledger.begin(0, null);
                table.take(random.nextLong(), terms, maxKeys, now, ledger);
              }
            });
    CallLedger ledger = ledger();
    long admitted = 0;
    long last = -1;
    long now;
    while ((now = clock.get()) < seconds * S) {
      if (now - last > S / 5) {
        // full again by now, and perhaps being retired
        for (int i = 0; i < 5; i++) {
          ledger.begin(0, null);
          admitted += table.take(key(1), terms, maxKeys, now, ledger) >= 0 ? 1 : 0;
        }
        last = now;
      }
    }
    churn.get();
    // the overflow bucket may serve it when the table is full of others
    assertThat(admitted).isLessThanOrEqualTo(2 * (2 + 10 * seconds));
    assertThat(table.size()).isLessThanOrEqualTo(maxKeys);
    assertThat(table.countNodes()).isEqualTo(table.size());
  }

  @Test
  void everyCharacterAndTheLengthCountInAKey() {
    long a = KeyHash.sip(1, 2, "abcdefgh");
    assertThat(KeyHash.sip(1, 2, new StringBuilder("abcdefgh").toString())).isEqualTo(a);
    assertThat(KeyHash.sip(2, 2, "abcdefgh")).isNotEqualTo(a);
    assertThat(KeyHash.sip(1, 3, "abcdefgh")).isNotEqualTo(a);
    Set<String> keys = new HashSet<>();
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      keys.add(s.toString());
      keys.add(s + "\0");
      keys.add(s + "\u0100");
      for (int j = 0; j < s.length(); j++) {
        keys.add(s.substring(0, j) + '\u8000' + s.substring(j + 1));
        // what eight characters are as bytes, four characters could be
        keys.add(s.substring(0, j) + '\u7878' + s.substring(j + 1));
      }
      s.append('x');
    }
    assertThat(keys.stream().map(k -> KeyHash.sip(1, 2, k)).distinct()).hasSize(keys.size());
  }

  @Test
  void theDigestIsSipHash13() {
    // the reference's first test vector: key 00 01 .. 0f, no data
    assertThat(KeyHash.sip(0x0706050403020100L, 0x0f0e0d0c0b0a0908L, ""))
        .isEqualTo(0xabac0158050fc4dcL);
    // as Python 3.11 has them, which hashes bytes so: PYTHONHASHSEED=0 python3 -c "hash(b'a')"
    assertThat(KeyHash.sip(0, 0, "a")).isEqualTo(0x407448d2b89b1813L);
    assertThat(KeyHash.sip(0, 0, "abcdefg")).isEqualTo(0x6db12aae9070f506L);
    assertThat(KeyHash.sip(0, 0, "abcdefgh")).isEqualTo(0x3f7b849c0b8e35eaL);
    assertThat(KeyHash.sip(0, 0, "user-1234567")).isEqualTo(0xe2cebcee898df04cL);
    StringBuilder latin = new StringBuilder();
    for (char c = 200; c < 220; c++) {
      latin.append(c);
    }
    assertThat(KeyHash.sip(0, 0, latin.toString())).isEqualTo(0xacec00f1b6cbe085L);
  }

  /** SipHash-1-3 as the paper has it, over whole words. */
  private static long reference(long k0, long k1, byte[] bytes, int length, boolean wide) {
    java.nio.ByteBuffer padded =
        java.nio.ByteBuffer.allocate(bytes.length / 8 * 8 + 8)
            .order(java.nio.ByteOrder.LITTLE_ENDIAN)
            .put(bytes);
    padded.put(padded.capacity() - 1, (byte) length).rewind();
    long[] v = {
      k0 ^ 0x736f6d6570736575L,
      k1 ^ 0x646f72616e646f6dL ^ (wide ? 0xee : 0),
      k0 ^ 0x6c7967656e657261L,
      k1 ^ 0x7465646279746573L
    };
    while (padded.hasRemaining()) {
      long m = padded.getLong();
      v[3] ^= m;
      round(v);
      v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
      round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }

  private static void round(long[] v) {
    v[0] += v[1];
    v[1] = Long.rotateLeft(v[1], 13) ^ v[0];
    v[0] = Long.rotateLeft(v[0], 32);
    v[2] += v[3];
    v[3] = Long.rotateLeft(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = Long.rotateLeft(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = Long.rotateLeft(v[1], 17) ^ v[2];
    v[2] = Long.rotateLeft(v[2], 32);
  }

  @Test
  void stringsOfAnyLengthAndAlphabetAreDigestedAsTheReferenceHasIt() {
    Random random = new Random(13);
    for (int n = 0; n < 70; n++) {
      for (char highest : new char[] {'z', 0xff, 0x100, 0xffff}) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) {
          s.append((char) random.nextInt(highest + 1));
        }
        if (n > 0) {
          s.setCharAt(random.nextInt(n), highest);
        }
        String text = s.toString();
        boolean wide = n > 0 && highest > 0xff;
        byte[] bytes = new byte[wide ? 2 * n : n];
        for (int i = 0; i < bytes.length; i++) {
          char c = text.charAt(wide ? i / 2 : i);
          bytes[i] = (byte) (wide && i % 2 == 1 ? c >> 8 : c);
        }
        long k0 = random.nextLong();
        long k1 = random.nextLong();
        assertThat(KeyHash.sip(k0, k1, text))
            .as("%d characters up to %d", n, (int) highest)
            .isEqualTo(reference(k0, k1, bytes, n, wide));
      }
    }
  }

  @Test
  void partsAreDigestedUnderThoseBeforeThemAndASecret() {
    long a = KeyHash.add(KeyHash.START, "a");
    assertThat(KeyHash.add(KeyHash.START, "a")).isEqualTo(a);
    assertThat(KeyHash.add(a, "b")).isNotEqualTo(KeyHash.add(KeyHash.add(0, "b"), "a"));
    assertThat(KeyHash.add(a, "")).isNotEqualTo(a);
    assertThat(a).isNotEqualTo(KeyHash.sip(0, 0, "a"));
  }

  /** As many keys as there may be, each in a list with others: 256 slots. */
  private static KeyedBuckets filled(RateTerms terms, int keys, long now) {
    KeyedBuckets table = new KeyedBuckets(1, terms, now);
    for (long i = 0; i < keys; i++) {
      assertThat(table.take(key(i), terms, keys, now, ledger())).isGreaterThanOrEqualTo(0);
    }
    return table;
  }

  @Test
  void keysThatShareASlotHaveABucketEach() {
    RateTerms terms = new RateTerms(0, 1, 2, 0, 1, 0);
    KeyedBuckets table = filled(terms, 5000, 0);
    assertThat(table.size()).isEqualTo(5000);
    assertThat(table.countNodes()).isEqualTo(5000);
    for (long i = 0; i < 5000; i++) {
      assertThat(table.take(key(i), terms, 5000, 0, ledger())).isZero();
      assertThat(table.take(key(i), terms, 5000, 0, ledger())).isNegative();
    }
    assertThat(table.overflowed()).isZero();
  }

  @Test
  void aNewKeyTakesTheRoomOfAFullOneAndOfNoOther() {
    RateTerms terms = new RateTerms(0, 1, 2, 0, 1, 0);
    KeyedBuckets table = filled(terms, 300, 0);
    // one token is missing in each until a second has passed
    assertThat(table.take(key(1000), terms, 300, S - 1_000_000, ledger())).isZero();
    assertThat(table.overflowed()).isEqualTo(1);
    assertThat(table.size()).isEqualTo(300);
    for (long i = 2000; i < 2300; i++) {
      assertThat(table.take(key(i), terms, 300, S + 1_000_000, ledger())).isZero();
    }
    assertThat(table.overflowed()).isEqualTo(1);
    assertThat(table.size()).isEqualTo(300);
    assertThat(table.countNodes()).isEqualTo(300);
    // all three hundred were exchanged: none of the new ones is full
    assertThat(table.take(key(3000), terms, 300, S + 2_000_000, ledger())).isZero();
    assertThat(table.overflowed()).isEqualTo(2);
  }

  @Test
  void afterASearchInVainTheNextIsWhenTheFullestMayBeFull() {
    RateTerms terms = new RateTerms(0, 1, 10, 0, 1, 0);
    KeyedBuckets table = new KeyedBuckets(2, terms, 0);
    for (int i = 0; i < 5; i++) {
      table.take(key(1), terms, 2, 0, ledger());
    }
    for (int i = 0; i < 8; i++) {
      table.take(key(2), terms, 2, 0, ledger());
    }
    table.take(key(3), terms, 2, 0, ledger());
    table.take(key(4), terms, 2, 5 * S - 1_000_000, ledger());
    assertThat(table.overflowed()).isEqualTo(2);
    table.take(key(5), terms, 2, 5 * S + 1_000_000, ledger());
    assertThat(table.overflowed()).as("five seconds later the first is full").isEqualTo(2);
    assertThat(table.take(key(2), terms, 2, 5 * S + 1_000_000, ledger())).as("has seven").isZero();
    assertThat(table.size()).isEqualTo(2);
  }

  /**
   * A wait of more than 292 years must not look like a retired bucket, which is looked up again.
   */
  @Test
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aKeyWhoseNextTokenIsCenturiesAwayIsRefused() {
    for (RateTerms terms :
        new RateTerms[] {
          new RateTerms(0, 1e-10, 1, 0, 1, 0), new RateTerms(0, 1e-4, 1_000_000, 0, 1_000_000, 0)
        }) {
      KeyedBuckets table = new KeyedBuckets(10, terms, 0);
      assertThat(table.take(key(1), terms, 10, 0, ledger())).isZero();
      long refused = table.take(key(1), terms, 10, 0, ledger());
      assertThat(refused).isNegative().isNotEqualTo(TokenBucket.RETIRED);
      assertThat(~refused).as("time to retry").isGreaterThan(Long.MAX_VALUE / 2);
    }
  }

  @Test
  void anEditSearchesAnew() {
    RateTerms slow = new RateTerms(0, 0.001, 10, 0, 1, 0);
    KeyedBuckets table = new KeyedBuckets(1, slow, 0);
    table.take(key(1), slow, 1, 0, ledger());
    table.take(key(2), slow, 1, 0, ledger());
    assertThat(table.overflowed()).isEqualTo(1);
    RateTerms quick = new RateTerms(1, 1000, 10, 0, 1, S);
    table.edited(quick, S);
    table.take(key(3), quick, 1, S + S / 100, ledger());
    assertThat(table.overflowed()).as("the first was full by then").isEqualTo(1);
    assertThat(table.countNodes()).isEqualTo(1);
  }

  @Test
  void whatIsTakenIsNotedOnTheLedgerAndGoesBackToTheKey() {
    RateTerms terms = new RateTerms(0, 1e-6, 6, 0, 3, 0);
    KeyedBuckets table = new KeyedBuckets(10, terms, 0);
    CallLedger first = ledger();
    assertThat(table.take(key(1), terms, 10, 0, first)).isZero();
    assertThat(table.take(key(1), terms, 10, 0, ledger())).isZero();
    CallLedger refused = ledger();
    assertThat(table.take(key(1), terms, 10, 0, refused)).isNegative();
    refused.giveBackTokens(0);
    assertThat(table.take(key(1), terms, 10, 0, ledger())).isNegative();
    first.giveBackTokens(0);
    assertThat(table.take(key(1), terms, 10, 0, ledger())).isZero();
    assertThat(table.take(key(1), terms, 10, 0, ledger())).isNegative();
  }
}
