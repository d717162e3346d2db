package io.weir.engine.limit;

import io.weir.engine.ledger.CallLedger;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The buckets of a keyed rule: bounded, without locks, and no bypass for a caller who makes up
 * keys.
 *
 * <h2>Shape</h2>
 *
 * A hash table of fixed width whose slots hold immutable lists; every change replaces one list's
 * head by compare-and-set, so there is no ABA and a reader needs no care. Slots come in segments
 * made on first use, so a table with few keys is small, and there is never a rehash. Keys are
 * 64-bit {@link KeyHash digests}: 64 bytes a key and 4 a slot, whatever callers send.
 *
 * <h2>Bound</h2>
 *
 * A key is added only when {@code size} could be raised within the rule's {@code max_keys}, or when
 * a <em>full</em> bucket could be retired in its favour: a full bucket equals an absent one, so
 * that loses nothing. Some hundred slots are searched for one, round robin; if there is none among
 * them the key shares the overflow bucket, and so does every new key until the fullest of those
 * seen has had time to fill. So strangers who flood a table of any size cost a few nanoseconds
 * each, and never get a fresh bucket, which would be a bypass by key churn.
 *
 * <p>Two callers with one new key get one bucket: both prepend to the head they searched. Retiring
 * is one compare-and-set from a full word ({@link TokenBucket#retire}), so a token taken from a
 * bucket that is about to go makes it stay.
 *
 * <h2>Editing the rule</h2>
 *
 * The table stays; {@link #edited} has every bucket {@link TokenBucket#succeed succeeded}, off the
 * request path and without holding anybody up. It must visit all of them at every edit: a bucket
 * that slept through an edition would mint at the wrong rate for as long. A call that still holds
 * the terms before takes from the newer bucket; one that adds a key under them leaves it for the
 * first call under the newer terms to succeed.
 *
 * <p>Threads: any.
 */
final class KeyedBuckets {
  private static final int SEGMENT = 256;
  private static final int MIN_SLOTS = SEGMENT;
  private static final int MAX_SLOTS = 1 << 24;

  /** Slots of a well filled table that are searched for a full bucket on behalf of one new key. */
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

  private final int slots;
  private final AtomicReferenceArray<AtomicReferenceArray<Node>> segments;
  private final AtomicInteger size = new AtomicInteger();
  private final AtomicInteger hand = new AtomicInteger();
  private final LongAdder overflowed = new LongAdder();
  private volatile long searchAgain;
  private final Node overflow;
  private final Node missing;

  /**
   * @param maxKeys the width is chosen for this many; when the rule is edited to allow many times
   *     more the lists grow longer
   */
  KeyedBuckets(int maxKeys, RateTerms terms, long now) {
    int n = Math.max(MIN_SLOTS, Math.min(maxKeys, MAX_SLOTS));
    slots = Integer.highestOneBit(n - 1) << 1;
    segments = new AtomicReferenceArray<AtomicReferenceArray<Node>>(slots / SEGMENT);
    // the secret is drawn now, not by the first call
    KeyHash.add(KeyHash.START, "");
    searchAgain = now;
    overflow = new Node(0, TokenBucket.full(terms, now), null);
    missing = new Node(0, TokenBucket.full(terms, now), null);
  }

  /** Takes the tokens of a call without the key; result as of {@link TokenBucket#take}. */
  long takeMissing(RateTerms terms, long now, CallLedger ledger) {
    return take(shared(missing, terms), now, ledger);
  }

  /** Takes the tokens of a call with this key; result as of {@link TokenBucket#take}. */
  long take(long key, RateTerms terms, int maxKeys, long now, CallLedger ledger) {
    AtomicReferenceArray<Node> segment = segment(key);
    int slot = (int) key & (SEGMENT - 1);
    boolean room = false;
    for (; ; ) {
      Node head = segment.get(slot);
      Node n = search(head, key);
      if (n == null) {
        if (!room && !makeRoom(terms, maxKeys, now)) {
          overflowed.increment();
          return take(shared(overflow, terms), now, ledger);
        }
        room = true;
        n = new Node(key, TokenBucket.full(terms, now), head);
        if (!segment.compareAndSet(slot, head, n)) {
          continue;
        }
        room = false;
      }
      TokenBucket b = current(n, terms);
      long result = b == null ? TokenBucket.RETIRED : take(b, now, ledger);
      if (result != TokenBucket.RETIRED) {
        if (room) {
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

  /** As {@link #current}, of a node that is never retired. */
  @SuppressWarnings("NullAway")
  private static TokenBucket shared(Node n, RateTerms terms) {
    return current(n, terms);
  }

  /** The node's bucket under these terms, or newer ones; null when it was retired. */
  private static @Nullable TokenBucket current(Node n, RateTerms terms) {
    TokenBucket b = n.bucket;
    if (b.terms == terms) {
      return b;
    }
    while (b != null && b.terms.edition < terms.edition) {
      b = b.succeed(terms);
    }
    if (b != null) {
      n.bucket = b;
    }
    return b;
  }

  private boolean makeRoom(RateTerms terms, int maxKeys, long now) {
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

  /** Puts newer terms into force for every key there is. One thread at a time. */
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
    // what was known about full buckets no longer holds
    searchAgain = now;
  }

  private boolean retireOne(RateTerms terms, int maxKeys, long now) {
    long quiet = searchAgain - now;
    if (quiet > 0 && quiet <= terms.nanosFor(terms.burst)) {
      return false;
    }
    long fullest = terms.burst;
    int steps = Math.min(slots, Math.max(SEARCHED, SEARCHED / 16 * (slots / Math.max(maxKeys, 1))));
    for (int i = 0; i < steps; i++) {
      int at = hand.getAndIncrement() & (slots - 1);
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
    searchAgain = now + terms.nanosFor(fullest);
    return false;
  }

  private static void removeRetired(AtomicReferenceArray<Node> segment, int slot, long key) {
    for (; ; ) {
      Node head = segment.get(slot);
      Node n = search(head, key);
      if (n == null || !n.bucket.retired() || segment.compareAndSet(slot, head, without(head, n))) {
        return;
      }
    }
  }

  @SuppressWarnings("NullAway") // n is in the list
  private static @Nullable Node without(@Nullable Node head, Node n) {
    return head == n ? n.next : new Node(head.key, head.bucket, without(head.next, n));
  }

  /** Keys with a bucket of their own. */
  int size() {
    return size.get();
  }

  /** What {@link #size} should be, counted. For tests. */
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

  /** Calls that had to use the overflow bucket. */
  long overflowed() {
    return overflowed.sum();
  }
}
