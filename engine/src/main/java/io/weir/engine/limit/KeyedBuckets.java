package io.weir.engine.limit;

import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The buckets of a keyed rule, in a bounded lock-free table. A caller who makes up new keys cannot
 * use them to bypass the limit.
 *
 * <h2>Shape</h2>
 *
 * A hash table of fixed width whose slots hold immutable lists. Every change replaces the head of
 * one list by compare-and-set, so there is no ABA problem and readers need no synchronization.
 * Segments of slots are allocated on first use, so a table with few keys is small. There is never a
 * rehash. Keys are 64-bit {@link KeyHash digests}: 64 bytes a key and 4 a slot, whatever callers
 * send.
 *
 * <h2>Bound</h2>
 *
 * A key is added in two cases only: {@code size} can be raised within the rule's {@code max_keys},
 * or a <em>full</em> bucket can be retired to make room. A full bucket equals an absent one, so
 * that loses nothing. Some hundred slots are searched for a full bucket, round robin. If none is
 * found, the key shares the overflow bucket. So does every new key until the fullest bucket seen
 * has had time to fill. So a flood of new keys costs a few nanoseconds a call in a table of any
 * size, and never gets fresh buckets, which would bypass the limit.
 *
 * <p>Two callers with the same new key get the same bucket: both prepend to the head they searched,
 * and only one compare-and-set succeeds. Retiring is one compare-and-set from a full word ({@link
 * TokenBucket#retire}); it fails when a token has been taken meanwhile, and the bucket stays.
 *
 * <h2>Editing the rule</h2>
 *
 * The table stays. {@link #edited} gives every bucket a {@link TokenBucket#succeed successor}, off
 * the request path and without blocking calls. It must visit all buckets at every edit: a bucket
 * that missed one would mint at the older rate until the next edit. A call that still holds the old
 * terms takes from the newer bucket. If such a call adds a key, its bucket gets a successor from
 * the first call with the newer terms.
 *
 * <p>Threads: any.
 */
final class KeyedBuckets {
  private static final int SEGMENT = 256;
  private static final int MIN_SLOTS = SEGMENT;
  private static final int MAX_SLOTS = 1 << 24;

  /** How many slots of a well filled table are searched for a full bucket, for one new key. */
  private static final int SEARCHED = 256;

  private static final class Node {
    final long key;
    final @Nullable Node next;
    volatile TokenBucket bucket;

    Node(long key, TokenBucket bucket, @Nullable Node next) {
      this.key = key;
      this.bucket = bucket;
      this.next = next;
    }
  }

  /** Number of slots, a power of two. */
  private final int slots;

  private final AtomicReferenceArray<AtomicReferenceArray<Node>> segments;
  private final AtomicInteger size = new AtomicInteger();
  private final AtomicInteger searchPosition = new AtomicInteger();
  private final LongAdder overflowed = new LongAdder();

  /** No full bucket is searched for before this time, nano clock: there was none. */
  private volatile long nextSearchAt;

  /** The bucket of keys that were not added. */
  private final Node overflow;

  /** The bucket of calls without the key. */
  private final Node missing;

  /**
   * @param maxKeys number of keys for which the width is chosen. If an edit later allows many times
   *     more, the lists grow longer
   */
  KeyedBuckets(int maxKeys, RateTerms terms, long now) {
    int n = Math.max(MIN_SLOTS, Math.min(maxKeys, MAX_SLOTS));
    slots = Integer.highestOneBit(n - 1) << 1;
    segments = new AtomicReferenceArray<AtomicReferenceArray<Node>>(slots / SEGMENT);
    // initialises KeyHash, which draws its secret, so that no call has to
    KeyHash.add(KeyHash.START, "");
    nextSearchAt = now;
    overflow = new Node(0, TokenBucket.full(terms, now), null);
    missing = new Node(0, TokenBucket.full(terms, now), null);
  }

  /** Takes the tokens of a call without the key. Result as in {@link TokenBucket#take}. */
  long takeMissing(RateTerms terms, long now, CallLedger ledger) {
    return take(shared(missing, terms), now, ledger);
  }

  /** Takes the tokens of a call with this key. Result as in {@link TokenBucket#take}. */
  long take(long key, RateTerms terms, int maxKeys, long now, CallLedger ledger) {
    AtomicReferenceArray<Node> segment = segment(key);
    int slot = (int) key & (SEGMENT - 1);
    boolean reserved = false; // an entry is counted in size but not in the table yet
    for (; ; ) {
      Node head = segment.get(slot);
      Node n = search(head, key);
      if (n == null) {
        if (!reserved && !reserveEntry(terms, maxKeys, now)) {
          overflowed.increment();
          return take(shared(overflow, terms), now, ledger);
        }
        reserved = true;
        n = new Node(key, TokenBucket.full(terms, now), head);
        if (!segment.compareAndSet(slot, head, n)) {
          continue;
        }
        reserved = false;
      }
      TokenBucket b = current(n, terms);
      long result = b == null ? TokenBucket.RETIRED : take(b, now, ledger);
      if (result != TokenBucket.RETIRED) {
        if (reserved) {
          size.decrementAndGet();
        }
        return result;
      }
      removeRetired(segment, slot, key);
    }
  }

  private static long take(TokenBucket b, long now, CallLedger ledger) {
    long result = b.take(now);
    if (result >= 0) {
      ledger.took(b, b.terms.tokens);
    }
    return result;
  }

  private static @Nullable Node search(Node head, long key) {
    Node n = head;
    while (n != null && n.key != key) {
      n = n.next;
    }
    return n;
  }

  private AtomicReferenceArray<Node> segment(long key) {
    int i = (int) (key >>> 32) & (slots / SEGMENT - 1);
    AtomicReferenceArray<Node> s = segments.get(i);
    if (s == null) {
      segments.compareAndSet(i, null, new AtomicReferenceArray<Node>(SEGMENT));
      s = segments.get(i);
    }
    return s;
  }

  /** As {@link #current}, for a node whose bucket is never retired. */
  @SuppressWarnings("NullAway")
  private static TokenBucket shared(Node n, RateTerms terms) {
    return current(n, terms);
  }

  /** The node's bucket under these terms or newer ones; null when it was retired. */
  private static @Nullable TokenBucket current(Node n, RateTerms terms) {
    TokenBucket b = n.bucket;
    if (b.terms == terms) {
      return b;
    }
    while (b != null && b.terms.generation < terms.generation) {
      b = b.succeed(terms);
    }
    if (b != null) {
      n.bucket = b;
    }
    return b;
  }

  /** Counts one more key in {@code size}, if need be in place of a full bucket. False: no room. */
  private boolean reserveEntry(RateTerms terms, int maxKeys, long now) {
    for (; ; ) {
      int n = size.get();
      if (n < maxKeys) {
        if (size.compareAndSet(n, n + 1)) {
          return true;
        }
      } else if (retireOne(terms, maxKeys, now)) {
        size.decrementAndGet();
      } else {
        return false;
      }
    }
  }

  /** Puts newer terms into force for every key. One thread at a time. */
  void edited(RateTerms terms, long now) {
    for (int i = 0; i < segments.length(); i++) {
      AtomicReferenceArray<Node> segment = segments.get(i);
      for (int j = 0; segment != null && j < SEGMENT; j++) {
        for (Node n = segment.get(j); n != null; n = n.next) {
          current(n, terms);
        }
      }
    }
    current(overflow, terms);
    current(missing, terms);
    // buckets may now be full earlier than was computed
    nextSearchAt = now;
  }

  /** Removes a full bucket from the table; false when none was found. */
  private boolean retireOne(RateTerms terms, int maxKeys, long now) {
    long quiet = nextSearchAt - now;
    // longer than a whole burst takes: the clock has stepped back
    if (quiet > 0 && quiet <= terms.nanosFor(terms.burst)) {
      return false;
    }
    long fullest = terms.burst;
    // more slots where keys are few, so that about as many buckets are seen
    int steps = Math.min(slots, Math.max(SEARCHED, SEARCHED / 16 * (slots / Math.max(maxKeys, 1))));
    for (int i = 0; i < steps; i++) {
      int at = searchPosition.getAndIncrement() & (slots - 1);
      AtomicReferenceArray<Node> segment = segments.get(at / SEGMENT);
      if (segment == null) {
        continue;
      }
      int slot = at & (SEGMENT - 1);
      for (Node n = segment.get(slot); n != null; n = n.next) {
        TokenBucket b = current(n, terms);
        long lacking = b == null ? fullest : b.retire(now);
        if (lacking == 0) {
          removeRetired(segment, slot, n.key);
          return true;
        }
        fullest = Math.min(fullest, lacking);
      }
    }
    nextSearchAt = now + terms.nanosFor(fullest);
    return false;
  }

  private static void removeRetired(AtomicReferenceArray<Node> segment, int slot, long key) {
    for (; ; ) {
      Node head = segment.get(slot);
      Node n = search(head, key);
      if (n == null
          || !n.bucket.isRetired()
          || segment.compareAndSet(slot, head, without(head, n))) {
        return;
      }
    }
  }

  @SuppressWarnings("NullAway") // n is in the list
  private static @Nullable Node without(@Nullable Node head, Node n) {
    return head == n ? n.next : new Node(head.key, head.bucket, without(head.next, n));
  }

  /** Number of keys with their own bucket. */
  int size() {
    return size.get();
  }

  /** Counts the keys in the table, which {@link #size} should equal. For tests. */
  int countNodes() {
    int n = 0;
    for (int i = 0; i < segments.length(); i++) {
      AtomicReferenceArray<Node> segment = segments.get(i);
      for (int j = 0; segment != null && j < SEGMENT; j++) {
        for (Node node = segment.get(j); node != null; node = node.next) {
          n++;
        }
      }
    }
    return n;
  }

  /** Number of calls that had to use the overflow bucket. */
  long overflowed() {
    return overflowed.sum();
  }
}
