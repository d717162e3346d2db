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

  /**
   * Status and headers of a call that a {@link BlockingHook} makes are there: has its body watched
   * ({@link ClientCall#awaitsBody}). What this throws is counted, and the call has ended.
   *
   * @return the answer for the application
   */
  default R answered(ClientCall<Q, R> call, R answer) throws Exception {
    return answer;
  }

  /** A refusal as the woven method of a {@link BlockingHook} returns it. */
  default Object refused(R refusal) throws Exception {
    return refusal;
  }
}
