package org.example.parley.weir;

import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;

/**
 * What Weir has to know of Parley. {@code weir.instrumentation.parley.enabled=false} is its switch.
 */
public final class ParleyModule extends WeirModule {
  static final String CALL = "org.example.parley.weir.adapter.CallHook";
  static final String SERVE = "org.example.parley.weir.adapter.ServeHook";

  private static final String[] PACKAGES = {"org.example.parley."};

  public ParleyModule() {
    super("parley");
  }

  @Override
  public String[] hooks() {
    return new String[] {CALL, SERVE};
  }

  @Override
  public List<WovenTypes> wovenTypes() {
    return Arrays.asList(new ClientInstrumentation(), new ServerInstrumentation());
  }

  @Override
  public List<Library> covers() {
    return Arrays.asList(
        library(
            "Parley client",
            Library.Side.CLIENT,
            "1.0 and newer",
            PACKAGES,
            "org.example.parley.ParleyClient"),
        library(
            "Parley server",
            Library.Side.SERVER,
            "1.0 and newer",
            PACKAGES,
            "org.example.parley.ParleyServer"));
  }
}
