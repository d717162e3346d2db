package io.weir.engine.limit;

import io.weir.engine.ledger.CallLedger;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.LongConsumer;
import java.util.function.LongUnaryOperator;

/**
 * A service on a clock of its own: workers, a line of calls in front of them without end, and
 * callers who come at random (Poisson) or wait for their answers before they come again. Every call
 * passes the limits. The same seed gives the same run.
 */
final class Station {
  static final long MS = 1_000_000L;
  static final long S = 1_000_000_000L;

  private record Event(long at, long order, Runnable happens) {}

  private record Waiting(CallLedger ledger, long came) {}

  private final PriorityQueue<Event> events =
      new PriorityQueue<>(
          (a, b) -> a.at != b.at ? Long.compare(a.at, b.at) : Long.compare(a.order, b.order));
  private final ArrayDeque<Waiting> line = new ArrayDeque<>();
  private final Random random = new Random(42);
  private final LongConsumer tookNanos;
  private RateLimiters limits;
  private long order;
  private int busy;

  int workers;

  /** What the next call takes, in nanos, from when. */
  LongUnaryOperator service;

  /** Calls a second that come at random. */
  double offered;

  /** A call that took longer has timed out, though the worker goes on with it; 0: never. */
  long timeoutNanos;

  long now;
  long admitted;
  long refused;
  long ended;

  /**
   * @param tookNanos told what each call took that was let in
   */
  Station(RateLimiters limits, int workers, LongUnaryOperator service, LongConsumer tookNanos) {
    this.limits = limits;
    this.workers = workers;
    this.service = service;
    this.tookNanos = tookNanos;
    at(0, this::arrive);
  }

  /** A time with a spread of a tenth to each side, evenly. */
  static LongUnaryOperator around(long nanos) {
    Random r = new Random(7);
    return at -> (long) (nanos * (0.9 + 0.2 * r.nextDouble()));
  }

  private void at(long when, Runnable happens) {
    events.add(new Event(when, order++, happens));
  }

  /** Goes on for so long. */
  void run(long nanos) {
    long end = now + nanos;
    while (!events.isEmpty() && events.peek().at <= end) {
      Event e = events.poll();
      now = e.at;
      e.happens.run();
    }
    now = end;
  }

  /**
   * Starts as many callers who come again as soon as they have an answer, and after 10 ms if not.
   */
  void closedLoop(int callers) {
    for (int i = 0; i < callers; i++) {
      at(now + i * MS / 10, () -> call(true));
    }
  }

  private void arrive() {
    if (offered > 0) {
      call(false);
      at(now + (long) (-Math.log(1 - random.nextDouble()) / offered * S) + 1, this::arrive);
    } else {
      at(now + MS, this::arrive);
    }
  }

  private void call(boolean again) {
    CallLedger ledger = new CallLedger();
    ledger.begin(now, null);
    if (!limits.admit(Calls.SOURCE, Collections.emptyMap(), now, ledger)) {
      refused++;
      if (again) {
        at(now + 10 * MS, () -> call(true));
      }
      return;
    }
    admitted++;
    Waiting w = new Waiting(ledger, now);
    loops.put(ledger, again);
    line.add(w);
    work();
  }

  private final java.util.IdentityHashMap<CallLedger, Boolean> loops =
      new java.util.IdentityHashMap<>();

  private void work() {
    while (busy < workers && !line.isEmpty()) {
      Waiting w = line.poll();
      busy++;
      at(now + service.applyAsLong(now), () -> end(w));
    }
  }

  private void end(Waiting w) {
    busy--;
    ended++;
    long took = now - w.came;
    tookNanos.accept(took);
    w.ledger.endHttp(timeoutNanos > 0 && took > timeoutNanos ? 504 : 200, now);
    if (loops.remove(w.ledger)) {
      at(now, () -> call(true));
    }
    work();
  }

  int inLine() {
    return line.size();
  }
}
