package io.weir.control.store;

/**
 * A key's value as of some revision. Immutable; the bytes must not be written to.
 *
 * <p>A value that is larger than the store takes for its key is not kept: such an entry is {@link
 * #tooLarge} and its value is empty.
 */
public final class Entry {
  private static final byte[] NOTHING = {};

  /** Without the namespace. */
  public final String key;

  public final byte[] value;
  public final long createRevision;
  public final long modRevision;

  /** 0 when the key hangs on no lease. */
  public final long lease;

  /** The most bytes the value may have, where it has more and is not kept; else 0. */
  public final int tooLarge;

  public Entry(String key, byte[] value, long createRevision, long modRevision, long lease) {
    this(key, value, createRevision, modRevision, lease, 0);
  }

  private Entry(
      String key, byte[] value, long createRevision, long modRevision, long lease, int tooLarge) {
    this.key = key;
    this.value = value;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.lease = lease;
    this.tooLarge = tooLarge;
  }

  /**
   * This entry by key and revision only, because its value is too large.
   *
   * @param most how many bytes it may have
   */
  public Entry withoutValue(int most) {
    return new Entry(key, NOTHING, createRevision, modRevision, lease, most);
  }

  /** The value as UTF-8 text. */
  public String text() {
    return new String(value, java.nio.charset.StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return key + "@" + modRevision;
  }
}
