/**
 * What the contract needs of a client library. A class {@code Library} with a public constructor
 * without arguments, in {@code src/apps/client-NAME}, says it for one library; it knows nothing of
 * Weir. It keeps one client for all calls but those that ask for another.
 */
public interface Calls {
  /**
   * Makes one call and tells {@link Result} once what became of it: on this thread where the way is
   * a blocking one, else wherever the library calls back. Before it waits for anything it says how
   * the call is cancelled ({@link Result#onCancel}). What is thrown counts as the call's end.
   */
  void make(Ask ask, Result result) throws Exception;

  /** Calls under way and connections that are not idle, in all clients there are. */
  int busy();

  /** Opens a WebSocket, sends it {@code text}, and gives back what came then, after its close. */
  String webSocket(String url, String text) throws Exception;

  /** What only this library's row asks. */
  default String own(String what, String url) throws Exception {
    throw new UnsupportedOperationException(what);
  }
}
