package io.weir.engine.route;

import io.weir.engine.instances.Instance;
import io.weir.engine.match.XxHash;
import io.weir.engine.rules.RouteRule.Balance;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Instances equally near, at least one; the load decides.
 *
 * <p>Least in flight: two drawn at random by weight, the one with fewer calls under way per weight
 * wins (Mitzenmacher, <i>The Power of Two Choices in Randomized Load Balancing</i>, 2001): nearly
 * as level as asking all, without the herd that asking all sends to the same instance. Round robin:
 * a fixed cyclic order in which each instance stands as often as its weight says, spread evenly
 * (smooth weighted round robin), entered at a random place so that a fleet does not march in step.
 * Rendezvous: {@link RendezvousHash}.
 *
 * <p>Drawing by weight takes one look-up whatever the number of instances (Walker's alias table).
 */
final class LeastInFlight {
  /** Longest cycle; weights that need a longer one (1 beside 10 000) are drawn at random. */
  private static final int MAX_CYCLE = 1024;

  private final Instance[] instances;

  /** Alias table; null when all weights are equal. */
  private final long @Nullable [] keep;

  private final int @Nullable [] alias;
  private final boolean cyclic;
  private final Instance @Nullable [] order;
  private final @Nullable AtomicInteger next;
  private final @Nullable RendezvousHash rendezvous;

  LeastInFlight(List<Instance> in, Balance balance) {
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
        order != null ? new AtomicInteger(RandomDraw.upper(RandomDraw.bits(), order.length)) : null;
    rendezvous = balance == Balance.RENDEZVOUS ? new RendezvousHash(instances) : null;
  }

  Instance pick(Balance balance, boolean hashed, long hash) {
    if (instances.length == 1) {
      return instances[0];
    }
    if (cyclic) {
      return order == null ? weighted(RandomDraw.bits()) : order[turn()];
    }
    if (rendezvous != null && hashed) {
      return instances[rendezvous.pick(hash)];
    }
    return twoChoices();
  }

  /** The counter overflows after 2^32 calls, which bends one turn. */
  @SuppressWarnings("NullAway") // made together with the order
  private int turn() {
    return (int) ((next.getAndIncrement() & 0xFFFFFFFFL) % order.length);
  }

  private Instance twoChoices() {
    long bits = RandomDraw.bits();
    if (keep == null) {
      int i = RandomDraw.upper(bits, instances.length);
      int j = RandomDraw.lower(bits, instances.length - 1);
      Instance a = instances[i];
      Instance b = instances[j >= i ? j + 1 : j];
      return b.inFlight() < a.inFlight() ? b : a;
    }
    Instance a = weighted(bits);
    Instance b = weighted(XxHash.mix(bits));
    // fewer per weight; the first drawn on a tie, so that an idle ring still follows the weights
    return (long) b.inFlight() * a.weight() < (long) a.inFlight() * b.weight() ? b : a;
  }

  @SuppressWarnings("NullAway") // asked only where weights differ
  private Instance weighted(long bits) {
    int i = RandomDraw.upper(bits, instances.length);
    return instances[(bits & 0xFFFFFFFFL) < keep[i] ? i : alias[i]];
  }

  /** Vose's construction; {@code keep} in units of 2^-32. */
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
      // left over by rounding alone: as good as 1
      keep[small[--s]] = 1L << 32;
    }
  }

  /** Smooth weighted round robin, played once in advance; null when the cycle is too long. */
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
