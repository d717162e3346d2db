package io.weir.engine.route;

import io.weir.engine.instances.Instance;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Balance;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Picks one of several instances that are equally near to the caller, by one of three methods.
 *
 * <p><b>Least in flight</b>: two instances are drawn at random by weight; the one with fewer calls
 * under way per weight wins (Mitzenmacher, <i>The Power of Two Choices in Randomized Load
 * Balancing</i>, 2001). This balances nearly as well as comparing all instances, but callers do not
 * all rush to the same one. <b>Round robin</b>: a fixed cyclic order in which each instance occurs
 * as often as its weight says, evenly spread (smooth weighted round robin). Each JVM starts at a
 * random index, so that a fleet does not march in step. <b>Rendezvous</b>: {@link RendezvousHash}.
 *
 * <p>Drawing by weight takes one look-up whatever the number of instances (Walker's alias table).
 */
final class InstancePicker {
  /**
   * Longest cycle of round robin. Where weights need a longer one (1 and 10 000), instances are
   * drawn at random by weight instead.
   */
  private static final int MAX_CYCLE = 1024;

  /** At least one. */
  private final Instance[] instances;

  /**
   * The alias table, null when all weights are equal: a draw of index i stays there with
   * probability keep[i] / 2^32, and else goes to alias[i].
   */
  private final long @Nullable [] keep;

  private final int @Nullable [] alias;
  private final boolean cyclic;

  /** The cycle of round robin; null with other methods, and when it would be too long. */
  private final Instance @Nullable [] order;

  private final @Nullable AtomicInteger next;
  private final @Nullable RendezvousHash rendezvous;

  InstancePicker(List<Instance> in, Balance balance) {
    instances = in.toArray(new Instance[0]);
    boolean equal = true;
    for (Instance i : instances) {
      equal &= i.weight() == instances[0].weight();
    }
    keep = equal ? null : new long[instances.length];
    alias = equal ? null : new int[instances.length];
    if (keep != null && alias != null) {
      fillAlias(keep, alias);
    }
    cyclic = balance == Balance.ROUND_ROBIN;
    order = cyclic ? cycle() : null;
    next =
        order != null
            ? new AtomicInteger(RandomDraw.fromUpperHalf(RandomDraw.bits(), order.length))
            : null;
    rendezvous = balance == Balance.RENDEZVOUS ? new RendezvousHash(instances) : null;
  }

  /**
   * Picks an instance.
   *
   * @param hashed whether {@code hash} is the hash of a unit; false: there is none, and rendezvous
   *     falls back to least in flight
   */
  Instance pick(Balance balance, boolean hashed, long hash) {
    if (instances.length == 1) {
      return instances[0];
    }
    if (cyclic) {
      return order == null ? drawByWeight(RandomDraw.bits()) : order[nextIndex()];
    }
    if (rendezvous != null && hashed) {
      return instances[rendezvous.pick(hash)];
    }
    return leastInFlight();
  }

  /** The counter overflows after 2^32 calls, which cuts one cycle short. */
  @SuppressWarnings("NullAway") // there is a counter where there is an order
  private int nextIndex() {
    return (int) ((next.getAndIncrement() & 0xFFFFFFFFL) % order.length);
  }

  private Instance leastInFlight() {
    long bits = RandomDraw.bits();
    if (keep == null) {
      int i = RandomDraw.fromUpperHalf(bits, instances.length);
      int j = RandomDraw.fromLowerHalf(bits, instances.length - 1);
      Instance a = instances[i];
      Instance b = instances[j >= i ? j + 1 : j];
      return b.inFlight() < a.inFlight() ? b : a;
    }
    Instance a = drawByWeight(bits);
    Instance b = drawByWeight(XxHash.mix(bits));
    // Compares calls per weight without a division. The first drawn wins a tie, so that idle
    // instances are picked by weight, too.
    return (long) b.inFlight() * a.weight() < (long) a.inFlight() * b.weight() ? b : a;
  }

  @SuppressWarnings("NullAway") // called only where weights differ
  private Instance drawByWeight(long bits) {
    int i = RandomDraw.fromUpperHalf(bits, instances.length);
    return instances[(bits & 0xFFFFFFFFL) < keep[i] ? i : alias[i]];
  }

  /** Fills the alias table by Vose's algorithm; {@code keep} counts in units of 2^-32. */
  private void fillAlias(long[] keep, int[] alias) {
    int n = instances.length;
    double sum = 0;
    for (Instance i : instances) {
      sum += i.weight();
    }
    double[] p = new double[n];
    int[] small = new int[n];
    int[] large = new int[n];
    int s = 0;
    int l = 0;
    for (int i = 0; i < n; i++) {
      p[i] = instances[i].weight() / sum * n;
      if (p[i] < 1) {
        small[s++] = i;
      } else {
        large[l++] = i;
      }
    }
    while (s > 0 && l > 0) {
      int less = small[--s];
      int more = large[--l];
      keep[less] = (long) (p[less] * 0x1p32);
      alias[less] = more;
      p[more] -= 1 - p[less];
      if (p[more] < 1) {
        small[s++] = more;
      } else {
        large[l++] = more;
      }
    }
    while (l > 0) {
      keep[large[--l]] = 1L << 32;
    }
    while (s > 0) {
      // left over because of rounding only: its probability is 1
      keep[small[--s]] = 1L << 32;
    }
  }

  /** One cycle of smooth weighted round robin; null when it would be too long. */
  private Instance @Nullable [] cycle() {
    int n = instances.length;
    if (keep == null) {
      return instances;
    }
    long gcd = 0;
    long sum = 0;
    for (Instance i : instances) {
      gcd = gcd(i.weight(), gcd);
      sum += i.weight();
    }
    if (sum / gcd > MAX_CYCLE) {
      return null;
    }
    Instance[] cycle = new Instance[(int) (sum / gcd)];
    double[] credit = new double[n];
    for (int k = 0; k < cycle.length; k++) {
      int best = 0;
      for (int i = 0; i < n; i++) {
        credit[i] += instances[i].weight();
        if (credit[i] > credit[best]) {
          best = i;
        }
      }
      credit[best] -= sum;
      cycle[k] = instances[best];
    }
    return cycle;
  }

  private static long gcd(long a, long b) {
    return b == 0 ? a : gcd(b, a % b);
  }
}
