package io.weir.agent;

import io.opentelemetry.javaagent.extension.AgentListener;
import io.opentelemetry.javaagent.extension.ignore.IgnoredTypesBuilder;
import io.opentelemetry.javaagent.extension.ignore.IgnoredTypesConfigurer;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigProperties;
import java.io.File;
import java.lang.instrument.Instrumentation;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * Entry of the same jar as an extension of the OpenTelemetry Java agent ({@code
 * -Dotel.javaagent.extensions=weir.jar}): once that agent has begun, ours begins on its {@link
 * Instrumentation}, and that agent is asked to leave our classes alone.
 *
 * <p>Both jobs in one class, so that the jar shows an application no more than it must. Loaded by
 * the OpenTelemetry agent only, in a loader of its own.
 */
public final class OtelExtension implements AgentListener, IgnoredTypesConfigurer {
  private static final String EXTENSIONS = "otel.javaagent.extensions";

  /** What the agent's own configuration says: the service loader makes several of us. */
  private static volatile @Nullable String extensions;

  public OtelExtension() {}

  @Override
  public void afterAgent(AutoConfiguredOpenTelemetrySdk sdk) {
    try {
      Instrumentation instrumentation =
          (Instrumentation)
              Class.forName(
                      "io.opentelemetry.javaagent.bootstrap.InstrumentationHolder", true, null)
                  .getMethod("getInstrumentation")
                  .invoke(null);
      Premain.extension(jar(), instrumentation);
    } catch (Throwable t) {
      StderrLine.write("could not start, the application runs without it: " + t);
    }
  }

  /** Agents since 2.31 call this one. */
  @Override
  public void configure(IgnoredTypesBuilder builder) {
    builder.ignoreClassLoader("io.weir.agent.");
  }

  /** Agents before call this one; newer ones, too, where it is there. */
  @Override
  public void configure(IgnoredTypesBuilder builder, ConfigProperties config) {
    extensions = config.getString(EXTENSIONS);
    configure(builder);
  }

  /**
   * That agent reads an extension through a URL of its own, which does not tell the file: it is the
   * one among its extensions that has us in it.
   */
  private static File jar() {
    String told = extensions;
    if (told == null) {
      told = System.getProperty(EXTENSIONS, System.getenv("OTEL_JAVAAGENT_EXTENSIONS"));
    }
    for (String place : told == null ? new String[0] : told.split(",")) {
      File f = new File(place.trim());
      File[] among = f.isDirectory() ? f.listFiles() : new File[] {f};
      for (File jar : among == null ? new File[0] : among) {
        if (jar.getName().endsWith(".jar") && isOurs(jar)) {
          return jar;
        }
      }
    }
    throw new IllegalStateException(
        "weir.jar is not among " + EXTENSIONS + " (" + told + "): it must be named there");
  }

  private static boolean isOurs(File jar) {
    try (JarFile j = new JarFile(jar, false)) {
      return j.getJarEntry("io/weir/agent/OtelExtension.class") != null
          && j.getJarEntry(Pack.ENTRY) != null;
    } catch (java.io.IOException none) {
      return false;
    }
  }
}
