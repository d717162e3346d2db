package io.weir.engine.limit;

import static io.weir.engine.limit.Calls.by;
import static io.weir.engine.limit.Calls.rule;
import static io.weir.engine.limit.Calls.swap;
import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.ledger.CallLedger;
import io.weir.engine.rules.RateLimitRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two threads call while a third edits the rule some thousand times. How they interleave is left to
 * chance; what must hold afterwards is not: every token is accounted for.
 */
class SwapStressTest {
  private static final int EDITS = 5_000;
  private static final long TOKENS = 200_000;
  private final ExecutorService pool = Executors.newFixedThreadPool(2);
  private volatile RateLimiters limits;

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private static RateLimitRule edition(int i, double qps, boolean keyed) {
    return rule(qps, TOKENS)
        .maxWaitNanos(i % 2 == 0 ? 0 : 1)
        .by(keyed ? by("header:k") : by())
        .build();
  }

  /**
   * The clock stands, so nothing is minted: whatever was admitted and not given back is missing
   * from the burst, to the token, after all edits.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noEditLosesOrMintsAToken(boolean keyed) throws Exception {
    limits = swap(null, 0, edition(0, 1, keyed));
    Map<String, String> call = Collections.singletonMap("header:k", "one");
    AtomicBoolean done = new AtomicBoolean();
    List<Future<Long>> callers = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      int seed = t;
      callers.add(
          pool.submit(
              () -> {
                Random random = new Random(seed);
                List<CallLedger> held = new ArrayList<>();
                long taken = 0;
                while (!done.get()) {
                  CallLedger ledger = new CallLedger();
                  ledger.begin(0, null);
                  if (limits.admit(Calls.SOURCE, call, 0, ledger)) {
                    taken++;
                    held.add(ledger);
                  }
                  // keep about a hundred, some of which outlive many editions; the rest goes back
                  if (held.size() > 100) {
                    held.remove(random.nextInt(held.size())).abandon(0);
                    taken--;
                  }
                }
                return taken;
              }));
    }
    for (int i = 1; i <= EDITS; i++) {
      limits = swap(limits, 0, edition(i, 1, keyed));
    }
    done.set(true);
    long taken = callers.get(0).get() + callers.get(1).get();
    assertThat(taken).isBetween(0L, 202L);
    assertThat(drain(limits, call, 0)).isEqualTo(TOKENS - taken);
  }

  /** The clock runs, and the rate changes with every edit: what is minted is known all the same. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsAdmittedIsTheBurstAndWhatWasMinted(boolean keyed) throws Exception {
    double slow = 1 << 20;
    double fast = 1 << 22;
    Map<String, String> call = Collections.singletonMap("header:k", "one");
    AtomicLong clock = new AtomicLong();
    limits = swap(null, 0, edition(0, slow, keyed));
    AtomicBoolean done = new AtomicBoolean();
    List<Future<Long>> callers = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      callers.add(
          pool.submit(
              () -> {
                CallLedger ledger = new CallLedger();
                long taken = 0;
                while (!done.get()) {
                  // read and used apart: the rule may be edited between
                  RateLimiters l = limits;
                  long now = clock.addAndGet(50);
                  ledger.begin(0, null);
                  taken += l.admit(Calls.SOURCE, call, now, ledger) ? 1 : 0;
                }
                return taken;
              }));
    }
    double minted = 0;
    long since = 0;
    for (int i = 1; i <= EDITS; i++) {
      // the callers must have had the bucket drained before the first edit caps it
      while (i == 1 && clock.get() < 100_000_000L) {
        Thread.onSpinWait();
      }
      long now = clock.addAndGet(50);
      minted += (now - since) * (i % 2 == 1 ? slow : fast) / 1e9;
      since = now;
      limits = swap(limits, now, edition(i, i % 2 == 0 ? slow : fast, keyed));
    }
    done.set(true);
    long taken = callers.get(0).get() + callers.get(1).get();
    // calls between the instant an edit counts from and its being visible were admitted at the rate
    // before, and are owed: go on until that is paid back
    long end = clock.get() + 200_000_000L;
    for (long now = clock.get(); now < end; now += 100) {
      taken += drain(limits, call, now);
    }
    minted += (end - since) * (EDITS % 2 == 0 ? slow : fast) / 1e9;
    taken += drain(limits, call, end);
    // an edit rounds down to a unit, which is 1/256 of a token at the faster rate
    assertThat((double) taken).isBetween(TOKENS + minted - 2 - EDITS / 256.0, TOKENS + minted + 1);
  }

  /** Whatever is edited meanwhile, and whoever asks, each admission is counted once. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyAdmissionIsCountedOnce(boolean keyed) throws Exception {
    limits = swap(null, 0, edition(0, 1, keyed));
    Map<String, String> call = Collections.singletonMap("header:k", "one");
    AtomicBoolean done = new AtomicBoolean();
    List<Future<Long>> callers = new ArrayList<>();
    for (int t = 0; t < 2; t++) {
      callers.add(
          pool.submit(
              () -> {
                CallLedger ledger = new CallLedger();
                long admitted = 0;
                while (!done.get()) {
                  ledger.begin(0, null);
                  if (limits.admit(Calls.SOURCE, call, 0, ledger)) {
                    admitted++;
                    ledger.giveBackTokens(0);
                  }
                }
                return admitted;
              }));
    }
    long counted = 0;
    for (int i = 1; i <= EDITS; i++) {
      // every tenth edition counts by something else, or not at all: a bucket or table of its own
      RateLimitRule next = i % 10 == 0 ? unrated() : edition(i, 1, keyed ^ i % 10 == 5);
      limits = swap(limits, 0, next);
      long now = limits.running().get(0).admitted();
      assertThat(now).isGreaterThanOrEqualTo(counted);
      counted = now;
    }
    done.set(true);
    long admitted = callers.get(0).get() + callers.get(1).get();
    assertThat(admitted).isPositive();
    assertThat(limits.running().get(0).admitted()).isEqualTo(admitted);
  }

  private static RateLimitRule unrated() {
    return RateLimitRule.builder().maxConcurrent(1000).build();
  }

  private static long drain(RateLimiters limits, Map<String, String> call, long now) {
    CallLedger ledger = new CallLedger();
    long n = 0;
    do {
      ledger.begin(0, null);
      n++;
    } while (limits.admit(Calls.SOURCE, call, now, ledger));
    return n - 1;
  }
}
