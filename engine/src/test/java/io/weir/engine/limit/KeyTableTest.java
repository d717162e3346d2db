package io.weir.engine.limit;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.call.Ticket;
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
import org.junit.jupiter.api.Test;

class KeyTableTest {
  private static final long S = 1_000_000_000L;
  private final ExecutorService pool = Executors.newFixedThreadPool(2);

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private static Ticket ticket() {
    Ticket t = new Ticket();
    t.begin(0, null);
    return t;
  }

  /** A number nobody could tell from a digest. */
  private static long key(long i) {
    long z = i * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    return z ^ (z >>> 27);
  }

  @Test
  void millionsOfKeysStayWithinTheBoundAndTheLaw() {
    int maxKeys = 20_000;
    Terms terms = new Terms(0, 10, 5, 0, 1, 0);
    KeyTable table = new KeyTable(maxKeys, terms, 0);
    Ticket ticket = ticket();
    int millions = 3;
    long step = 1_000; // a million new keys a second, each called once
    long admitted = 0;
    for (long i = 0; i < millions * 1_000_000L; i++) {
      ticket.begin(0, null);
      admitted += table.take(key(i), terms, maxKeys, i * step, ticket) >= 0 ? 1 : 0;
    }
    assertThat(table.size()).isEqualTo(maxKeys);
    assertThat(table.countNodes()).isEqualTo(maxKeys);
    // each of 20 000 buckets and the overflow bucket may give its burst and its rate, and no more
    assertThat(admitted).isLessThanOrEqualTo((maxKeys + 1) * (5 + 10L * millions));
    // a bucket of which one token was taken is full again after a tenth of a second, so the table
    // turns over ten times a second: it must not be the overflow bucket alone that admits
    assertThat(admitted).isGreaterThan(maxKeys * 10L * millions / 2);
  }

  @Test
  void twoCallersWithOneNewKeyShareOneBucket() throws Exception {
    int rounds = 20_000;
    Terms terms = new Terms(0, 1e-6, 3, 0, 1, 0);
    int maxKeys = rounds + 1; // both may ask for room before one finds the other's bucket
    KeyTable table = new KeyTable(maxKeys, terms, 0);
    CyclicBarrier together = new CyclicBarrier(2);
    List<Future<int[]>> both = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      both.add(
          pool.submit(
              () -> {
                int[] admitted = new int[rounds];
                Ticket ticket = ticket();
                together.await();
                for (int i = 0; i < rounds; i++) {
                  for (int j = 0; j < 3; j++) {
                    ticket.begin(0, null);
                    admitted[i] += table.take(key(i), terms, maxKeys, 0, ticket) >= 0 ? 1 : 0;
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
  @Test
  void aBucketRetiredWhileItIsAskedMintsNothing() throws Exception {
    int maxKeys = 4;
    long seconds = 200;
    Terms terms = new Terms(0, 10, 2, 0, 1, 0);
    KeyTable table = new KeyTable(maxKeys, terms, 0);
    AtomicLong clock = new AtomicLong();
    Future<?> churn =
        pool.submit(
            () -> {
              Ticket ticket = ticket();
              Random random = new Random(5);
              long now;
              while ((now = clock.addAndGet(100_000)) < seconds * S) {
                ticket.begin(0, null);
                table.take(random.nextLong(), terms, maxKeys, now, ticket);
              }
            });
    Ticket ticket = ticket();
    long admitted = 0;
    long last = -1;
    long now;
    while ((now = clock.get()) < seconds * S) {
      if (now - last > S / 5) {
        // full again by now, and perhaps being retired
        for (int i = 0; i < 5; i++) {
          ticket.begin(0, null);
          admitted += table.take(key(1), terms, maxKeys, now, ticket) >= 0 ? 1 : 0;
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
}
