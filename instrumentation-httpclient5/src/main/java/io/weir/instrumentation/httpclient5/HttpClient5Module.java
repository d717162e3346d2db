package io.weir.instrumentation.httpclient5;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Apache HttpClient 5: the classic (blocking) client and the asynchronous ones, HTTP/1.1 and
 * HTTP/2.
 *
 * <p>What is woven: {@link ClassicInstrumentation} and {@link AsyncInstrumentation} where calls
 * begin; the others where a routed call takes its connection, so that it goes to the chosen
 * instance.
 */
public final class HttpClient5Module extends WeirModule {
  static final String CLIENT = "org.apache.hc.client5.http.";
  private static final String ADAPTERS = "io.weir.instrumentation.httpclient5.adapter.";
  static final String CLASSIC = ADAPTERS + "ClassicHook";
  static final String ASYNC = ADAPTERS + "AsyncHook";
  static final String ROUTE = ADAPTERS + "RouteHook";

  public HttpClient5Module() {
    super("httpclient5");
  }

  @Override
  public String[] hooks() {
    return new String[] {CLASSIC, ASYNC, ROUTE};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(
        new ClassicInstrumentation(),
        new RouteInstrumentation(),
        new AsyncInstrumentation(),
        new AsyncRouteInstrumentation(),
        new ConnectInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Collections.singletonList(
        library(
            "Apache HttpClient 5",
            Library.Side.CLIENT,
            "5.0 and newer",
            new String[] {"org.apache.hc.client5."}, // all classes of the library
            // entry classes: the class of every client is one of these or extends one
            CLIENT + "impl.classic.InternalHttpClient",
            CLIENT + "impl.classic.MinimalHttpClient",
            CLIENT + "impl.async.InternalAbstractHttpAsyncClient",
            CLIENT + "impl.async.AbstractMinimalHttpAsyncClientBase"));
  }
}
