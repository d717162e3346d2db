package io.weir.engine.measure;

import io.weir.engine.outcome.Outcome;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

/**
 * How long the calls of one service took, by {@link CallTags}.
 *
 * <p>One HdrHistogram per kind, made when the first call of that kind ends: from a microsecond to a
 * minute (longer counts as a minute) in steps of one percent, 20 KiB each, {@value #MAX_KINDS}
 * kinds and one for all others, so 266 KiB at most per service. They only ever grow, so readers
 * take differences, and any number of readers do not disturb each other.
 *
 * <p>Any thread; recording takes no lock and, but for a kind's first call, allocates nothing.
 */
public final class LatencyRecorder {
  static final int MAX_KINDS = 12;

  static final long HIGHEST_MICROS = 60_000_000;
  private static final int DIGITS = 2;

  private static final int FAILED = CallTags.ended(0, Outcome.http(500));

  /** Filled from the front; the last is for kinds that found no room. */
  private final AtomicReferenceArray<Cell> cells = new AtomicReferenceArray<Cell>(MAX_KINDS + 1);

  /** Takes what has been counted so far. */
  public interface Reader {
    /**
     * @param micros the caller's own copy, in microseconds
     */
    void kind(int kind, Histogram micros);
  }

  /** A call has ended, and of what kind it was does not matter here. */
  public void record(long nanos) {
    record(0, nanos);
  }

  /** A call has ended, well or in an error; {@link CallTags#error} tells which. */
  public void record(boolean failed, long nanos) {
    record(failed ? FAILED : 0, nanos);
  }

  /** A call has ended. */
  public void record(int kind, long nanos) {
    long micros = nanos / 1000;
    cell(kind)
        .micros
        .recordValue(micros < 0 ? 0 : micros > HIGHEST_MICROS ? HIGHEST_MICROS : micros);
  }

  private Cell cell(int kind) {
    for (int i = 0; i < MAX_KINDS; i++) {
      Cell c = cells.get(i);
      if (c == null) {
        Cell fresh = new Cell(kind);
        if (cells.compareAndSet(i, null, fresh)) {
          return fresh;
        }
        c = cells.get(i);
      }
      if (c.kind == kind) {
        return c;
      }
    }
    Cell others = cells.get(MAX_KINDS);
    if (others == null) {
      cells.compareAndSet(
          MAX_KINDS,
          null,
          new Cell(
              CallTags.grpc(kind) ? CallTags.begun(true, null) | CallTags.OTHER : CallTags.OTHER));
      others = cells.get(MAX_KINDS);
    }
    return others;
  }

  /** Tells {@code to} about every kind there has been, in the order they first came. */
  public void read(Reader to) {
    for (int i = 0; i <= MAX_KINDS; i++) {
      Cell c = cells.get(i);
      if (c != null) {
        to.kind(c.kind, c.copy());
      }
    }
  }

  /** All calls together, in microseconds: the caller's own copy. */
  public Histogram total() {
    final Histogram sum = empty();
    read((kind, micros) -> sum.add(micros));
    return sum;
  }

  /** A histogram of the same shape without a call in it. */
  public static Histogram empty() {
    return new Histogram(HIGHEST_MICROS, DIGITS);
  }

  private static final class Cell {
    final int kind;
    final AtomicHistogram micros = new AtomicHistogram(HIGHEST_MICROS, DIGITS);

    Cell(int kind) {
      this.kind = kind;
    }

    Histogram copy() {
      Histogram h = empty();
      h.add(micros);
      return h;
    }
  }
}
