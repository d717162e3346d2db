package io.weir.control.etcd;

/** The failure of a call to etcd. The store decides by its {@link Kind}. */
final class EtcdCallException extends Exception {
  private static final long serialVersionUID = 1L;

  enum Kind {
    /** No connection, or it broke. */
    UNAVAILABLE,
    /** No answer in time. */
    DEADLINE,
    /** User or password are wrong. Each attempt costs etcd much CPU (bcrypt). */
    AUTH,
    /** A certificate is not accepted, files cannot be read, or one side does not speak TLS. */
    TLS,
    /** This user may not do that. */
    PERMISSION,
    /** The requested revision was compacted, or does not exist yet. */
    COMPACTED,
    /** The lease does not exist. */
    NOT_FOUND,
    /** An answer, or a message of a watch, has too many bytes; it was not read. */
    TOO_LARGE,
    /** All keys together take more memory than {@link ReadLimits} allow. */
    TOO_MUCH,
    OTHER
  }

  final Kind kind;

  EtcdCallException(Kind kind, String message) {
    super(message, null, false, false);
    this.kind = kind;
  }

  /** What went wrong, for people. */
  String text() {
    return String.valueOf(getMessage());
  }
}
