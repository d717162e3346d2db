package io.weir.control.etcd;

import io.grpc.Status;
import io.grpc.StatusException;
import org.jspecify.annotations.Nullable;

/** Why a call to etcd failed: what the store decides by, and what a person needs to hear. */
final class Failures {
  /** What a message says when the certificates or the protocol do not fit. */
  private static final String[] TLS = {
    "CertPath",
    "PKIX",
    "ertificate",
    "unknown_ca",
    "handshake_failure",
    "protocol_version",
    "No subject alternative",
    "not an SSL/TLS record"
  };

  /** What a message says when user or password are wrong. */
  private static final String[] AUTH = {
    "authentication failed", "authentication is not enabled", "user name is empty"
  };

  private final boolean secure;

  /**
   * @param secure whether we speak TLS
   */
  Failures(boolean secure) {
    this.secure = secure;
  }

  /**
   * What a person needs to hear (the TLS or socket error, why a log-in was refused) is the
   * innermost cause.
   */
  WireException of(Status failed) {
    Status status = failed;
    String cause = null;
    boolean authenticating = failed.getCode() == Status.Code.UNAUTHENTICATED;
    Throwable t = failed.getCause();
    for (int depth = 0; t != null && depth < 16; depth++, t = t.getCause()) {
      if (t instanceof StatusException) {
        status = ((StatusException) t).getStatus();
        authenticating |= status.getCode() == Status.Code.UNAUTHENTICATED;
      } else {
        cause = t.getClass().getSimpleName() + ": " + firstLine(t.getMessage());
      }
    }
    String said = firstLine(status.getDescription());
    String text = cause == null || said.contains("etcdserver") ? said : cause;
    return new WireException(kind(status, said + " " + text, authenticating), advice(text));
  }

  private static WireException.Kind kind(Status status, String text, boolean authenticating) {
    if (text.contains("compacted") || text.contains("future revision")) {
      return WireException.Kind.COMPACTED;
    }
    if (text.contains("permission denied")) {
      return WireException.Kind.PERMISSION;
    }
    if (text.contains("lease not found")) {
      return WireException.Kind.NOT_FOUND;
    }
    // a handshake that merely broke off is not among these: etcd may just be restarting
    for (String mistake : TLS) {
      if (text.contains(mistake)) {
        return WireException.Kind.TLS;
      }
    }
    for (String mistake : AUTH) {
      if (text.contains(mistake)) {
        return WireException.Kind.AUTH;
      }
    }
    switch (status.getCode()) {
      case UNAVAILABLE:
      case CANCELLED:
        return WireException.Kind.UNAVAILABLE;
      case DEADLINE_EXCEEDED:
        return WireException.Kind.DEADLINE;
      case PERMISSION_DENIED:
        return WireException.Kind.PERMISSION;
      case UNAUTHENTICATED:
        // an expired token looks the same and mends itself at the next try
        return authenticating
                && !text.contains("invalid auth token")
                && !text.contains("auth store is old")
            ? WireException.Kind.AUTH
            : WireException.Kind.UNAVAILABLE;
      default:
        return WireException.Kind.OTHER;
    }
  }

  private String advice(String text) {
    if (secure && (text.contains("not an SSL/TLS record") || text.contains("ClosedChannel"))) {
      return text + " (if etcd does not speak TLS, write http://)";
    }
    if (text.contains("authentication is not enabled")) {
      return text + " (remove weir.etcd.user, or enable authentication in etcd)";
    }
    if (text.contains("user name is empty")) {
      return text + " (etcd wants weir.etcd.user and weir.etcd.password)";
    }
    if (!secure
        && (text.contains("Network closed for unknown reason")
            || text.contains("Connection reset")
            || text.contains("First received frame was not SETTINGS"))) {
      return text + " (if etcd speaks TLS, write https://)";
    }
    return text;
  }

  private static String firstLine(@Nullable String s) {
    if (s == null) {
      return "";
    }
    int end = s.indexOf('\n');
    String line = end < 0 ? s : s.substring(0, end);
    return line.length() > 300 ? line.substring(0, 300) : line;
  }
}
