package io.weir.control.store;

/**
 * A key's value as of some revision. Immutable; the bytes must not be written to.
 *
 * <p>A value that is larger than the store accepts for its key is not kept: the entry's value is
 * then empty and {@link #tooLarge} is set.
 */
public final class Entry {
  private static final byte[] NOTHING = {};

  /** Without the namespace. */
  public final String key;

  public final byte[] value;
  public final long createRevision;
  public final long modRevision;

  /** The id of the key's lease; 0: none. */
  public final long lease;

  /** 0 when the value is kept; else the most bytes it may have. */
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
   * A copy without the value, which is too large.
   *
   * @param most how many bytes the value may have
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
