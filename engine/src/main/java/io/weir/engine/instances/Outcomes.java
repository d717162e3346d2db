package io.weir.engine.instances;

/** Takes how calls to one instance ended. Any thread; must not block, lock or allocate. */
public interface Outcomes {
  /**
   * A call ended, other than by the caller's own cancel.
   *
   * @param status HTTP status, or -1
   * @param grpc gRPC status code, or -1
   * @param answered false: it failed without an answer
   * @param now nano clock
   */
  void ended(int status, int grpc, boolean answered, long now);
}
