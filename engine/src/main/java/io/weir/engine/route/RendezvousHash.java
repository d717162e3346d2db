package io.weir.engine.route;

import io.weir.engine.instances.Instance;
import io.weir.engine.match.XxHash;
import org.jspecify.annotations.Nullable;

/**
 * Which of several instances a unit belongs to, agreed on by everybody who knows the same
 * instances, whatever happened before.
 *
 * <p><b>Slots.</b> A unit's hash falls into one of {@link #SLOTS} slots, and a slot belongs to the
 * instance with the highest hash of slot and address (rendezvous or highest-random-weight hashing:
 * Thaler and Ravishankar, 1996; weights after Schindelhauer and Schomaker, 2005). So when an
 * instance leaves only its own slots move, evenly to all others, and when it returns exactly they
 * come back: no ring of tokens and no table that is filled in an order can say both and be equally
 * even.
 *
 * <p><b>Cost.</b> Finding a slot's owner asks every instance, which is linear. Hence slots instead
 * of units: there are few enough to remember the answer. Among many instances the owner is looked
 * for at the first use of a slot and kept; from then on a pick is one array read, whatever the
 * number of instances. Among few, asking is as fast and needs no memory; the answer is the same, so
 * nobody moves when a service grows.
 *
 * <p><b>Evenness.</b> Of n instances each owns SLOTS / n slots, give or take the square root of it:
 * 3 % at a hundred, 9 % at a thousand. (Twice the slots would take a third off that, and half a
 * megabyte in one piece.)
 *
 * <p>Threads: any. A slot's owner depends on nothing that changes, so threads that race for it
 * write the same char, and one that does not see it works it out again.
 */
final class RendezvousHash {
  private static final int BITS = 17;
  static final int SLOTS = 1 << BITS;

  /** Up to so many are asked one by one. */
  static final int FEW = 32;

  private final long[] addresses;

  /** Null when all weigh the same. */
  private final int @Nullable [] weights;

  /** Owner of each slot plus one, 0: not known yet; null: not worth it, or too many for a char. */
  private final char @Nullable [] owners;

  RendezvousHash(Instance[] instances) {
    addresses = new long[instances.length];
    boolean equal = true;
    for (int i = 0; i < instances.length; i++) {
      addresses[i] = XxHash.hash(0, instances[i].toString());
      equal &= instances[i].weight() == instances[0].weight();
    }
    weights = equal ? null : new int[instances.length];
    for (int i = 0; weights != null && i < weights.length; i++) {
      weights[i] = instances[i].weight();
    }
    boolean worthIt = instances.length > FEW && instances.length < Character.MAX_VALUE;
    owners = worthIt ? new char[SLOTS] : null;
  }

  /** Index of the instance that a unit with this hash belongs to. */
  int pick(long hash) {
    int slot = (int) (hash >>> Long.SIZE - BITS);
    if (owners == null) {
      return owner(slot);
    }
    int known = owners[slot];
    if (known == 0) {
      known = owner(slot) + 1;
      owners[slot] = (char) known;
    }
    return known - 1;
  }

  private int owner(int slot) {
    long key = XxHash.mix(slot + 1L);
    int best = 0;
    if (weights == null) {
      long high = Long.MIN_VALUE;
      for (int i = 0; i < addresses.length; i++) {
        long score = XxHash.mix(key ^ addresses[i]);
        if (score > high) {
          high = score;
          best = i;
        }
      }
      return best;
    }
    double high = 0;
    for (int i = 0; i < addresses.length; i++) {
      double u = ((XxHash.mix(key ^ addresses[i]) >>> 11) + 0.5) * 0x1p-53;
      double score = weights[i] / -Math.log(u);
      if (score > high) {
        high = score;
        best = i;
      }
    }
    return best;
  }
}
