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

/**
 * Turns the failure of a call to etcd into an {@link EtcdCallException}: its kind, by which the
 * store decides what to do, and a message for people.
 */
final class EtcdErrors {
  /** Parts of messages about certificates or TLS versions that do not fit. */
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

  /** Parts of messages about a wrong user or password. */
  private static final String[] AUTH = {
    "authentication failed", "authentication is not enabled", "user name is empty"
  };

  /** The message of gRPC's OkHttp transport when the other side closed the connection. */
  private static final String ENDED = "End of stream or IOException";

  /**
   * The transport's message when a TLS server answers plain text with "HTTP/1.1 400": the transport
   * takes the bytes "HTT", 0x485454, for a frame's length.
   */
  private static final String HTTP_1 = "FRAME_SIZE_ERROR: 4740180";

  private final boolean secure;
  private final @Nullable Path certificate;

  /**
   * @param secure whether we connect by TLS
   * @param certificate the file of our client certificate; null when we have none
   */
  EtcdErrors(boolean secure, @Nullable Path certificate) {
    this.secure = secure;
    this.certificate = certificate;
  }

  /**
   * The message is the innermost cause (a TLS or socket error, the reason of a refused log-in),
   * unless etcd's own text says why.
   */
  EtcdCallException of(Status failed) {
    Status status = failed;
    String cause = null;
    Throwable t = failed.getCause();
    // at most 16: causes may form a cycle
    for (int depth = 0; t != null && depth < 16; depth++, t = t.getCause()) {
      if (t instanceof StatusException) {
        status = ((StatusException) t).getStatus();
      } else {
        cause = t.getClass().getSimpleName() + ": " + firstLine(t.getMessage());
      }
    }
    String said = firstLine(status.getDescription());
    String text = cause == null || said.contains("etcdserver") ? said : cause;
    return new EtcdCallException(kind(status, said + " " + text), withAdvice(text));
  }

  private static EtcdCallException.Kind kind(Status status, String text) {
    // the first is grpc-java's text, the second grpc-go's, which a proxy may send
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
    // a handshake that was merely cut off is not in the list: etcd may be restarting
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
        // an expired token has this code, too; the next attempt logs in again
        return text.contains("invalid auth token") || text.contains("auth store is old")
            ? EtcdCallException.Kind.UNAVAILABLE
            : EtcdCallException.Kind.AUTH;
      default:
        return EtcdCallException.Kind.OTHER;
    }
  }

  /** The text, followed by advice what to change in the configuration, for known mistakes. */
  private String withAdvice(String text) {
    if (secure && (text.contains("SSL message") || text.contains("peer shut down incorrectly"))) {
      return text + " (if etcd does not speak TLS, write http://)";
    }
    if (secure && text.contains(ENDED)) {
      return text + certificateAdvice();
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

  /** By TLS 1.3, a server that refuses our certificate completes the handshake first. */
  private String certificateAdvice() {
    if (certificate == null) {
      return " (if etcd wants a client certificate, set weir.etcd.tls.cert and weir.etcd.tls.key)";
    }
    String until = "";
    try (InputStream in = Files.newInputStream(certificate)) {
      until =
          ", valid until " + CertificateUtils.getX509Certificates(in)[0].getNotAfter().toInstant();
    } catch (IOException | CertificateException | RuntimeException unreadable) {
      // Tls refused or will refuse such a file, and its message says so
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
