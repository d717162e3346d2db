package io.weir.instrumentation.okhttp;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** OkHttp 3.3 and newer: every call made by {@code OkHttpClient.newCall}. */
public final class OkHttpModule extends WeirModule {
  private static final String ADAPTERS = "io.weir.instrumentation.okhttp.adapter.";
  static final String NEW_CALL = ADAPTERS + "NewCallHook";
  static final String ADDRESS = ADAPTERS + "AddressHook";
  static final String BODY = ADAPTERS + "BodyHook";
  static final String RUN = ADAPTERS + "RunHook";

  public OkHttpModule() {
    super("okhttp");
  }

  @Override
  public String[] hooks() {
    return new String[] {NEW_CALL, ADDRESS, BODY, RUN};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(
        new NewCallInstrumentation(),
        new AddressInstrumentation(),
        new BodyInstrumentation(),
        new AsyncCallInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Collections.singletonList(
        library(
            "OkHttp",
            Library.Side.CLIENT,
            "3.3 and newer",
            new String[] {"okhttp3."},
            "okhttp3.OkHttpClient"));
  }
}
