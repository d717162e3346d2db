package io.weir.engine.route;

import io.weir.engine.instances.Instance;
import io.weir.engine.match.XxHash;
import org.jspecify.annotations.Nullable;

/**
 * Maps a unit (a hashed attribute value, mostly a user's id) to one of several instances. Every
 * caller that knows the same instances gets the same answer, whatever happened before.
 *
 * <p><b>Slots.</b> A unit's hash falls into one of {@link #SLOTS} slots, and a slot belongs to the
 * instance with the highest hash of slot and address (rendezvous or highest-random-weight hashing:
 * Thaler and Ravishankar, 1996; weights after Schindelhauer and Schomaker, 2005). When an instance
 * leaves, only its own slots move, evenly to all others. When it returns, exactly these slots come
 * back. Neither a hash ring nor a table that is filled in some order (Maglev) has both properties
 * and is equally even.
 *
 * <p><b>Cost.</b> Finding a slot's owner computes one score per instance. Hence slots instead of
 * units: slots are few enough to remember their owners. Among more than {@link #FEW} instances the
 * owner is computed at the first use of a slot and kept; from then on a pick is one array read,
 * whatever the number of instances. Among fewer instances computing is as fast as remembering and
 * needs no memory. Both give the same answer, so no unit moves when a service grows beyond that
 * number.
 *
 * <p><b>Evenness.</b> Of n instances each owns SLOTS / n slots, plus or minus the square root of
 * that number: 3 % at a hundred instances, 9 % at a thousand. (Twice the slots would reduce this by
 * a third, for one array of half a megabyte.)
 *
 * <p>Threads: any. A slot's owner depends only on immutable data. So threads that compute the same
 * slot at the same time write the same char, and a thread that does not see it computes it again.
 */
final class RendezvousHash {
  private static final int BITS = 17;
  static final int SLOTS = 1 << BITS;

  /** Up to this number of instances, owners are computed each time. */
  static final int FEW = 32;

  private final long[] addresses;

  /** Null when all weights are equal. */
  private final int @Nullable [] weights;

  /**
   * Index of each slot's owner plus one; 0: not computed yet. Null when there are too few instances
   * to be worth it, or too many for a char.
   */
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

  /** The instance with the highest score for this slot. */
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
      // the upper 53 bits, as many as a double holds, as a number in (0, 1)
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
