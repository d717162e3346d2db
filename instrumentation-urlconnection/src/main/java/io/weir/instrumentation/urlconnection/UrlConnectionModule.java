package io.weir.instrumentation.urlconnection;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * {@code HttpURLConnection} of the JDK, http and https.
 *
 * <p>What is woven: {@link CallInstrumentation} where calls begin and end; {@link
 * RouteInstrumentation} where a routed call takes its connection, so that it goes to the chosen
 * instance. All of that is the same in Java 8 to 25.
 */
public final class UrlConnectionModule extends WeirModule {
  private static final String ADAPTERS = "io.weir.instrumentation.urlconnection.adapter.";
  static final String CALL = ADAPTERS + "CallHook";
  static final String ROUTE = ADAPTERS + "RouteHook";
  static final String CONNECTION = "sun.net.www.protocol.http.HttpURLConnection";

  public UrlConnectionModule() {
    super("urlconnection");
  }

  @Override
  public String[] hooks() {
    return new String[] {CALL, ROUTE};
  }

  @Override
  public String[] opens() {
    return new String[] {
      "java.net", "sun.net", "sun.net.www", "sun.net.www.http", "sun.net.www.protocol.http"
    };
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(new CallInstrumentation(), new RouteInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Collections.singletonList(
        library(
            "HttpURLConnection",
            Library.Side.CLIENT,
            "Java 8 to 25",
            new String[] {"sun.net.www.", "sun.net.NetworkClient"},
            CONNECTION));
  }
}
