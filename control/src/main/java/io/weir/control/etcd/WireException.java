package io.weir.control.etcd;

/** Why a call to etcd failed, boiled down to what the store decides by. */
final class WireException extends Exception {
  private static final long serialVersionUID = 1L;

  enum Kind {
    /** No connection, or it broke. */
    UNAVAILABLE,
    /** No answer in time. */
    DEADLINE,
    /** User or password are wrong, or certificates are not accepted: time will not mend it. */
    AUTH,
    /** This user may not do that. */
    PERMISSION,
    /** The revision asked for is compacted away, or not there yet. */
    COMPACTED,
    /** A lease that does not exist. */
    NOT_FOUND,
    OTHER
  }

  final Kind kind;

  WireException(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }
}
