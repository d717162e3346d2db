package io.weir.instrumentation.api.client;

import java.io.IOException;

/** How a library makes a call on the calling thread, for {@link ClientCall#make}. */
public interface Exchange<Q, R> {
  /**
   * Prepares a call that is about to be sent. The adapter sees to it that the call goes to {@link
   * ClientCall#destination}, and sets {@link ClientCall#handle} if the call could not have one
   * earlier. When this throws, it is counted as fail-open, and {@code sent} is sent.
   *
   * @param sent the request, with the headers that Weir sets
   * @return the request to send
   */
  Q prepare(ClientCall<Q, R> call, Q sent) throws Exception;

  /** Sends it and waits for the answer's status and headers. */
  R send(Q sent) throws IOException;
}
