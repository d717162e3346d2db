package io.weir.smoke;

import java.nio.file.Path;

/**
 * What the client of a contract calls; servers that know nothing of Weir. Two instances listen on
 * one port, at 127.0.0.1 and 127.0.0.2, once in plain, once by TLS for the name {@link #NAME}. An
 * answer's body is {@code INSTANCE METHOD PATH host=HOST arm=X-ARM caller=X-WEIR-CALLER
 * canary=X-CANARY}; what was not sent is null. Some paths answer otherwise:
 *
 * <pre>
 * /500       a server error
 * /hang      nothing, until the caller goes away
 * /half      the beginning of an answer, then the connection (or stream) breaks
 * /redirect  once more, to /
 * /headers   all that the call carried, less what differs from call to call
 * </pre>
 */
interface Targets extends AutoCloseable {
  /** Whose certificate the instances with TLS have. */
  String NAME = "secure-pay";

  /** {@code ADDRESS:PORT} of an instance: {@code one} or {@code two}. */
  String plain(String instance);

  /** The same by TLS. */
  String secure(String instance);

  /** The same by HTTP/2 without TLS. */
  String http2(String instance);

  /** Trusts the certificate. */
  Path trustStore();

  /** Calls so far whose path is this or begins with this and a question mark. */
  int seen(String path);

  /** Connections, from which these came. */
  int connections(String path);

  /** Port of an HTTP proxy, which tunnels, and answers other calls itself with {@code proxy}. */
  int proxyPort();

  /** Calls and tunnels that came by the proxy. */
  int proxied();

  /** Port of a WebSocket server that says everything again. */
  int webSocketPort();

  @Override
  void close();
}
