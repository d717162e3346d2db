package io.weir.instrumentation.httpclient4;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Apache HttpClient 4: the clients of 4.3 and newer ({@code HttpClients}), and those of 4.0, which
 * newer versions still have ({@code DefaultHttpClient}).
 */
public final class HttpClient4Module extends WeirModule {
  static final String HTTP = "org.apache.http.";
  private static final String ADAPTERS = "io.weir.instrumentation.httpclient4.adapter.";
  static final String EXECUTE = ADAPTERS + "ExecuteHook";
  static final String ROUTE = ADAPTERS + "RouteHook";

  public HttpClient4Module() {
    super("httpclient4");
  }

  @Override
  public String[] hooks() {
    return new String[] {EXECUTE, ROUTE};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(new ExecuteInstrumentation(), new RouteInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Collections.singletonList(
        library(
            "Apache HttpClient 4",
            Library.Side.CLIENT,
            "4.0 and newer",
            new String[] {HTTP + "impl.client.", HTTP + "impl.execchain."},
            // entry classes: the class of every client is one of these or extends one
            HTTP + "impl.client.InternalHttpClient",
            HTTP + "impl.client.MinimalHttpClient",
            HTTP + "impl.client.AbstractHttpClient"));
  }
}
