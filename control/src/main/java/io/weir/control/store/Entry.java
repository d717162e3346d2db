package io.weir.control.store;

/** A key's value as of some revision. Immutable; the bytes must not be written to. */
public final class Entry {
  /** Without the namespace. */
  public final String key;

  public final byte[] value;
  public final long createRevision;
  public final long modRevision;

  /** 0 when the key hangs on no lease. */
  public final long lease;

  public Entry(String key, byte[] value, long createRevision, long modRevision, long lease) {
    this.key = key;
    this.value = value;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.lease = lease;
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
