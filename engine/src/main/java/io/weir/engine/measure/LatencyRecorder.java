package io.weir.engine.measure;

import io.weir.engine.outcome.Outcome;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

/**
 * Records how long the calls of one service took, by {@link CallTags}.
 *
 * <p>Calls with the same tags are one kind. Each kind has an HdrHistogram, made when the first call
 * of that kind ends. It ranges from a microsecond to a minute (longer counts as a minute) in steps
 * of one percent, and takes 20 KiB. There are {@value #MAX_KINDS} kinds at most, and one more for
 * all others: 266 KiB per service. Counts only grow, so readers take differences, and readers do
 * not disturb each other.
 *
 * <p>Any thread. Recording takes no lock and allocates only for the first call of a kind.
 */
public final class LatencyRecorder {
  /** Bounds the memory of a service. */
  static final int MAX_KINDS = 12;

  static final long HIGHEST_MICROS = 60_000_000;

  /** Significant decimal digits of a histogram value. */
  private static final int DIGITS = 2;

  /** The tags of a failed call in a recorder that only distinguishes success and failure. */
  private static final int FAILED = CallTags.ended(0, Outcome.http(500));

  /** Filled from the front. The last is for all kinds beyond {@link #MAX_KINDS}. */
  private final AtomicReferenceArray<Cell> cells = new AtomicReferenceArray<Cell>(MAX_KINDS + 1);

  /** Receives what has been counted so far. */
  public interface Reader {
    /**
     * One kind of calls.
     *
     * @param tags the {@link CallTags} of these calls
     * @param micros their durations in microseconds: a copy the caller may keep
     */
    void kind(int tags, Histogram micros);
  }

  /** A call has ended. For recorders that do not distinguish kinds. */
  public void record(long nanos) {
    record(0, nanos);
  }

  /**
   * A call has ended. For recorders that only distinguish success and failure; {@link
   * CallTags#error} reads it.
   */
  public void record(boolean failed, long nanos) {
    record(failed ? FAILED : 0, nanos);
  }

  /** A call has ended. */
  public void record(int tags, long nanos) {
    long micros = nanos / 1000;
    cell(tags)
        .micros
        .recordValue(micros < 0 ? 0 : micros > HIGHEST_MICROS ? HIGHEST_MICROS : micros);
  }

  private Cell cell(int tags) {
    for (int i = 0; i < MAX_KINDS; i++) {
      Cell c = cells.get(i);
      if (c == null) {
        Cell fresh = new Cell(tags);
        if (cells.compareAndSet(i, null, fresh)) {
          return fresh;
        }
        c = cells.get(i);
      }
      if (c.tags == tags) {
        return c;
      }
    }
    Cell others = cells.get(MAX_KINDS);
    if (others == null) {
      cells.compareAndSet(
          MAX_KINDS,
          null,
          new Cell(
              CallTags.grpc(tags) ? CallTags.begun(true, null) | CallTags.OTHER : CallTags.OTHER));
      others = cells.get(MAX_KINDS);
    }
    return others;
  }

  /** Calls {@code to} for every kind, in the order they first occurred. */
  public void read(Reader to) {
    for (int i = 0; i <= MAX_KINDS; i++) {
      Cell c = cells.get(i);
      if (c != null) {
        to.kind(c.tags, c.copy());
      }
    }
  }

  /** The durations of all calls in microseconds: a copy the caller may keep. */
  public Histogram total() {
    final Histogram sum = empty();
    read((tags, micros) -> sum.add(micros));
    return sum;
  }

  /** An empty histogram with the range of those in a recorder. */
  public static Histogram empty() {
    return new Histogram(HIGHEST_MICROS, DIGITS);
  }

  private static final class Cell {
    final int tags;
    final AtomicHistogram micros = new AtomicHistogram(HIGHEST_MICROS, DIGITS);

    Cell(int tags) {
      this.tags = tags;
    }

    Histogram copy() {
      Histogram h = empty();
      h.add(micros);
      return h;
    }
  }
}
