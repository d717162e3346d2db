package io.weir.bootstrap;

/**
 * Numbers of the woven places, and the adapter that serves each. Advice is inlined into the
 * application and names its place by one of these constants; a new instrumentation adds its line
 * here and nowhere else.
 */
public final class HookId {
  public static final int SERVLET_JAVAX = 0;
  public static final int SERVLET_JAKARTA = 1;
  public static final int OKHTTP_NEW_CALL = 2;
  public static final int GRPC_SERVER_BUILD = 3;
  public static final int GRPC_CLIENT_BUILD = 4;
  public static final int SERVLET_UNDERTOW = 5;
  public static final int OKHTTP_ADDRESS = 6;
  public static final int GRPC_BALANCER = 7;
  public static final int GRPC_BALANCER_SHUTDOWN = 8;
  public static final int SERVLET_LISTENING = 9;
  public static final int GRPC_LISTENING = 10;
  public static final int SERVLET_JETTY_RETURN = 11;
  public static final int OKHTTP_RUN = 12;
  public static final int OKHTTP_CANCEL = 13;
  public static final int OPENTELEMETRY_SET = 14;
  public static final int OKHTTP_BODY = 15;

  /** One more than the greatest number. */
  public static final int COUNT = 16;

  private HookId() {}

  /**
   * Name of the class, a {@link Hook} with a constructor that takes the engine, that serves a
   * place.
   */
  public static String adapter(int hook) {
    switch (hook) {
      case SERVLET_JAVAX:
        return "io.weir.instrumentation.servlet.adapter.javax.ServletHook";
      case SERVLET_JAKARTA:
        return "io.weir.instrumentation.servlet.adapter.jakarta.ServletHook";
      case OKHTTP_NEW_CALL:
        return "io.weir.instrumentation.okhttp.adapter.NewCallHook";
      case OKHTTP_ADDRESS:
        return "io.weir.instrumentation.okhttp.adapter.AddressHook";
      case OKHTTP_BODY:
        return "io.weir.instrumentation.okhttp.adapter.BodyHook";
      case GRPC_SERVER_BUILD:
        return "io.weir.instrumentation.grpc.adapter.ServerBuildHook";
      case GRPC_CLIENT_BUILD:
        return "io.weir.instrumentation.grpc.adapter.ClientBuildHook";
      case SERVLET_UNDERTOW:
        return "io.weir.instrumentation.servlet.adapter.undertow.UndertowHook";
      case GRPC_BALANCER:
        return "io.weir.instrumentation.grpc.adapter.BalancerHook";
      case GRPC_BALANCER_SHUTDOWN:
        return "io.weir.instrumentation.grpc.adapter.BalancerShutdownHook";
      case SERVLET_LISTENING:
        return "io.weir.instrumentation.servlet.adapter.ListeningHook";
      case GRPC_LISTENING:
        return "io.weir.instrumentation.grpc.adapter.ListeningHook";
      case SERVLET_JETTY_RETURN:
        return "io.weir.instrumentation.servlet.adapter.JettyReturnHook";
      case OKHTTP_RUN:
        return "io.weir.instrumentation.okhttp.adapter.RunHook";
      case OKHTTP_CANCEL:
        return "io.weir.instrumentation.okhttp.adapter.CancelHook";
      case OPENTELEMETRY_SET:
        return "io.weir.instrumentation.opentelemetry.adapter.SetHook";
      default:
        throw new IllegalArgumentException("hook " + hook);
    }
  }
}
