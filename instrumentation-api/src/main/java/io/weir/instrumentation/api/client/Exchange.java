package io.weir.instrumentation.api.client;

import java.io.IOException;

/** How a library makes a call on the calling thread, for {@link ClientCall#make}. */
public interface Exchange<Q, R> {
  /**
   * The call is about to be sent: the library takes note of where to ({@link
   * ClientCall#destination}, {@link ClientCall#note(Object)}) and of how it is cancelled ({@link
   * ClientCall#handle}). What this throws is counted, and the call is sent as it was.
   *
   * @param sent the request with our headers
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
