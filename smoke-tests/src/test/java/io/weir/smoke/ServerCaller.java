package io.weir.smoke;

import java.util.List;

/** Calls the server of a cell, which knows calls of several kinds. */
interface ServerCaller extends AutoCloseable {
  /**
   * What came back.
   *
   * @param rejected the id of the rule that refused; else null
   * @param retry when to come back, where that was told
   * @param text all of the answer but what differs from run to run
   */
  record Reply(String status, String rejected, String retry, String text) {}

  /** A call under way. */
  interface Sent extends AutoCloseable {
    Reply reply();

    boolean isAnswered();

    /** The caller goes away. */
    @Override
    void close();
  }

  /** Calls of all kinds: how they come in, how they are answered, how they fail. */
  List<String> kinds();

  /** The plainest; {@link #served} counts those that reach the application. */
  String plain();

  /** Another, which the application does not count. */
  String other();

  /** One that goes on until its caller goes away. */
  String endless();

  /** A health check. */
  String health();

  /** How often {@link #plain} reached the application. */
  int served();

  /** Headers are {@code NAME: VALUE}. */
  Sent send(String kind, String... headers);

  default Reply ask(String kind, String... headers) {
    try (Sent sent = send(kind, headers)) {
      return sent.reply();
    }
  }

  /** One whose caller may go away while it waits, and the server is told. */
  Sent sendByHttp2(String kind, String... headers);

  @Override
  void close();
}
