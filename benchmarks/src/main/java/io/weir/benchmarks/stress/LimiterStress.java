package io.weir.benchmarks.stress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.weir.engine.ledger.CallLedger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** What calls, edits, refunds and retirements may race for. The last figure is what is left. */
public final class LimiterStress {
  private LimiterStress() {}

  /** One token, two callers. */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "the first caller has it")
  @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "the second caller has it")
  @Outcome(expect = FORBIDDEN, desc = "a token lost or admitted twice")
  @State
  public static class TakeTake extends Limited {
    public TakeTake() {
      super(rule(1));
    }

    @Actor
    public void one(III_Result r) {
      r.r1 = take("a");
    }

    @Actor
    public void two(III_Result r) {
      r.r2 = take("a");
    }

    @Arbiter
    public void left(III_Result r) {
      r.r3 = drain("a");
    }
  }

  /** A call while the rule is edited twice: it takes from whichever bucket is in force. */
  @JCStressTest
  @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "one taken, two left")
  @Outcome(expect = FORBIDDEN, desc = "a token lost or minted by the edit")
  @State
  public static class TakeEdit extends Limited {
    public TakeEdit() {
      super(rule(3));
    }

    @Actor
    public void call(II_Result r) {
      r.r1 = take("a");
    }

    @Actor
    public void edit() {
      edit(rule(4));
      edit(rule(3));
    }

    @Arbiter
    public void left(II_Result r) {
      r.r2 = drain("a");
    }
  }

  /** The last token while the rule is edited: two calls in one thread, so that one must fail. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "one call has it")
  @Outcome(expect = FORBIDDEN, desc = "a token lost or minted by the edit")
  @State
  public static class LastTokenEdit extends Limited {
    public LastTokenEdit() {
      super(rule(1));
    }

    @Actor
    public void call(II_Result r) {
      r.r1 = take("a") + take("a");
    }

    @Actor
    public void edit() {
      edit(rule(1));
    }

    @Arbiter
    public void left(II_Result r) {
      r.r2 = drain("a");
    }
  }

  /** A token taken under the rule before goes back while the rule is edited. */
  @JCStressTest
  @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "both are there again")
  @Outcome(expect = FORBIDDEN, desc = "the refund went to a bucket nobody asks any more")
  @State
  public static class GiveBackEdit extends Limited {
    private final CallLedger held;

    public GiveBackEdit() {
      super(rule(2));
      held = call("a");
    }

    @Actor
    public void cancel() {
      held.abandon(0);
    }

    @Actor
    public void edit() {
      edit(rule(2));
    }

    @Arbiter
    public void left(II_Result r) {
      r.r1 = drain("a");
      r.r2 = drain("a");
    }
  }

  /** A waiter is cancelled from two threads. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "given back once")
  @Outcome(expect = FORBIDDEN, desc = "lost, or given back twice")
  @State
  public static class CancelCancel extends Limited {
    private final CallLedger held;

    public CancelCancel() {
      super(rule(2));
      held = call("a");
      take("a");
    }

    @Actor
    public void one() {
      held.abandon(0);
    }

    @Actor
    public void two() {
      held.abandon(0);
    }

    @Arbiter
    public void left(II_Result r) {
      r.r1 = drain("a");
      r.r2 = drain("a");
    }
  }

  /** Two paced callers; nanos each has to wait. */
  @JCStressTest
  @Outcome(id = "1000000000, 2000000000", expect = ACCEPTABLE, desc = "in this order")
  @Outcome(id = "2000000000, 1000000000", expect = ACCEPTABLE, desc = "in that order")
  @Outcome(expect = FORBIDDEN, desc = "two callers with one slot")
  @State
  public static class PacePace extends Limited {
    public PacePace() {
      super(rule(1).maxWaitNanos(10_000_000_000L));
      take("a");
    }

    @Actor
    public void one(JJ_Result r) {
      r.r1 = rounded(call("a").waitNanos());
    }

    @Actor
    public void two(JJ_Result r) {
      r.r2 = rounded(call("a").waitNanos());
    }

    private static long rounded(long nanos) {
      return (nanos + 500) / 1000 * 1000;
    }
  }

  /** Two first calls with one new key: one bucket. */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "the first caller has it")
  @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "the second caller has it")
  @Outcome(expect = FORBIDDEN, desc = "a bucket each")
  @State
  public static class NewKeyNewKey extends Limited {
    public NewKeyNewKey() {
      super(keyed(1, 10));
    }

    @Actor
    public void one(III_Result r) {
      r.r1 = take("a");
    }

    @Actor
    public void two(III_Result r) {
      r.r2 = take("a");
    }

    @Arbiter
    public void left(III_Result r) {
      r.r3 = drain("a");
    }
  }

  /**
   * Room for one key, whose bucket is full: it may be retired for a new one, unless it is taken
   * from first. Then the new key has the overflow bucket, or the old one has.
   */
  @JCStressTest
  @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "one bucket, and the overflow bucket")
  @Outcome(expect = FORBIDDEN, desc = "a bucket that was asked was retired: a bypass by churn")
  @State
  public static class TakeRetire extends Limited {
    public TakeRetire() {
      super(keyed(1, 1));
      call("a").abandon(0);
    }

    @Actor
    public void known(III_Result r) {
      r.r1 = take("a");
    }

    @Actor
    public void stranger(III_Result r) {
      r.r2 = take("b");
    }

    @Arbiter
    public void left(III_Result r) {
      r.r3 = drain("a") + drain("b") + drain("c");
    }
  }

  /** A keyed call while the rule is edited: every key's tokens are carried. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "one taken, one left")
  @Outcome(expect = FORBIDDEN, desc = "a token lost or minted by the edit")
  @State
  public static class KeyedTakeEdit extends Limited {
    public KeyedTakeEdit() {
      super(keyed(3, 10));
      take("a");
    }

    @Actor
    public void call(II_Result r) {
      r.r1 = take("a");
    }

    @Actor
    public void edit() {
      edit(keyed(4, 10));
      edit(keyed(3, 10));
    }

    @Arbiter
    public void left(II_Result r) {
      r.r2 = drain("a");
    }
  }
}
