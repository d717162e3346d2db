package io.weir.control.etcd;

/** Why a call to etcd failed, boiled down to what the store decides by. */
final class EtcdCallException extends Exception {
  private static final long serialVersionUID = 1L;

  enum Kind {
    /** No connection, or it broke. */
    UNAVAILABLE,
    /** No answer in time. */
    DEADLINE,
    /** User or password are wrong: time will not mend it, and each try is dear to etcd (bcrypt). */
    AUTH,
    /** A certificate is not accepted, or one side does not speak TLS. */
    TLS,
    /** This user may not do that. */
    PERMISSION,
    /** The revision asked for is compacted away, or not there yet. */
    COMPACTED,
    /** A lease that does not exist. */
    NOT_FOUND,
    /** An answer, or a message of a watch, has more bytes than are taken; it was not read. */
    TOO_LARGE,
    /** There is more in etcd than may be kept in memory. */
    TOO_MUCH,
    OTHER
  }

  final Kind kind;

  EtcdCallException(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  /** What went wrong, for a human. */
  String text() {
    return String.valueOf(getMessage());
  }
}
