package io.weir.control.etcd;

import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.util.CertificateUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import org.jspecify.annotations.Nullable;

/** Why a call to etcd failed: what the store decides by, and what a person needs to hear. */
final class EtcdErrors {
  /** What a message says when the certificates or the protocol do not fit. */
  private static final String[] TLS = {
    "CertPath",
    "PKIX",
    "ertificate",
    "unknown_ca",
    "handshake_failure",
    "protocol_version",
    "No subject alternative",
    "No name matching",
    "Unsupported or unrecognized SSL message"
  };

  /** What a message says when user or password are wrong. */
  private static final String[] AUTH = {
    "authentication failed", "authentication is not enabled", "user name is empty"
  };

  /** What OkHttp's transport says of a connection that the other side ended. */
  private static final String ENDED = "End of stream or IOException";

  /** And of "HTT", taken for the length of a frame: a TLS server's answer to plain text. */
  private static final String HTTP_1 = "FRAME_SIZE_ERROR: 4740180";

  private final boolean secure;
  private final @Nullable Path certificate;

  /**
   * @param secure whether we speak TLS
   * @param certificate what we show etcd then
   */
  EtcdErrors(boolean secure, @Nullable Path certificate) {
    this.secure = secure;
    this.certificate = certificate;
  }

  /**
   * What a person needs to hear (the TLS or socket error, why a log-in was refused) is the
   * innermost cause.
   */
  EtcdCallException of(Status failed) {
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
    return new EtcdCallException(kind(status, said + " " + text, authenticating), advice(text));
  }

  private static EtcdCallException.Kind kind(Status status, String text, boolean authenticating) {
    // gRPC for Java's words, and for Go's, which a proxy would use
    if (text.contains("exceeds maximum size") || text.contains("message larger than max")) {
      return EtcdCallException.Kind.TOO_LARGE;
    }
    if (text.contains("compacted") || text.contains("future revision")) {
      return EtcdCallException.Kind.COMPACTED;
    }
    if (text.contains("permission denied")) {
      return EtcdCallException.Kind.PERMISSION;
    }
    if (text.contains("lease not found")) {
      return EtcdCallException.Kind.NOT_FOUND;
    }
    // a handshake that merely broke off is not among these: etcd may just be restarting
    for (String mistake : TLS) {
      if (text.contains(mistake)) {
        return EtcdCallException.Kind.TLS;
      }
    }
    for (String mistake : AUTH) {
      if (text.contains(mistake)) {
        return EtcdCallException.Kind.AUTH;
      }
    }
    switch (status.getCode()) {
      case UNAVAILABLE:
      case CANCELLED:
        return EtcdCallException.Kind.UNAVAILABLE;
      case DEADLINE_EXCEEDED:
        return EtcdCallException.Kind.DEADLINE;
      case PERMISSION_DENIED:
        return EtcdCallException.Kind.PERMISSION;
      case UNAUTHENTICATED:
        // an expired token looks the same and mends itself at the next try
        return authenticating
                && !text.contains("invalid auth token")
                && !text.contains("auth store is old")
            ? EtcdCallException.Kind.AUTH
            : EtcdCallException.Kind.UNAVAILABLE;
      default:
        return EtcdCallException.Kind.OTHER;
    }
  }

  private String advice(String text) {
    if (secure && (text.contains("SSL message") || text.contains("peer shut down incorrectly"))) {
      return text + " (if etcd does not speak TLS, write http://)";
    }
    if (secure && text.contains(ENDED)) {
      return text + refused();
    }
    if (text.contains("authentication is not enabled")) {
      return text + " (remove weir.etcd.user, or enable authentication in etcd)";
    }
    if (text.contains("user name is empty")) {
      return text + " (etcd wants weir.etcd.user and weir.etcd.password)";
    }
    if (!secure
        && (text.contains(ENDED) || text.contains("Connection reset") || text.contains(HTTP_1))) {
      return text + " (if etcd speaks TLS, write https://)";
    }
    return text;
  }

  /** By TLS 1.3 one that refuses our certificate lets us in first, and then closes. */
  private String refused() {
    if (certificate == null) {
      return " (if etcd wants a client certificate, set weir.etcd.tls.cert and weir.etcd.tls.key)";
    }
    String until = "";
    try (InputStream in = Files.newInputStream(certificate)) {
      until =
          ", valid until " + CertificateUtils.getX509Certificates(in)[0].getNotAfter().toInstant();
    } catch (IOException | CertificateException | RuntimeException unreadable) {
      // said when a client is made
    }
    return " (if etcd refuses the client certificate: it is " + certificate + until + ")";
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
