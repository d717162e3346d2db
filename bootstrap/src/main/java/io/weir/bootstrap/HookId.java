package io.weir.bootstrap;

/** Numbers of the woven places. Advice is inlined and names its place by one of these constants. */
public final class HookId {
  public static final int SERVLET_SERVICE = 0;
  public static final int OKHTTP_NEW_CALL = 1;
  public static final int GRPC_SERVER_BUILD = 2;
  public static final int GRPC_CLIENT_BUILD = 3;

  /** One more than the greatest number; room for later hooks. */
  public static final int COUNT = 32;

  private HookId() {}
}
