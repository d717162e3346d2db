package io.weir.agent;

import java.lang.instrument.Instrumentation;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Entry of {@code -javaagent} and of late attach, in the application's system loader.
 *
 * <p>A list of prohibitions: no logging framework, no lambdas, no statics, no thread (but for the
 * line that says why the agent does not start); nothing here may keep the application from
 * starting. Everything else lives behind {@link IsolatedLoader}.
 */
public final class Premain {
  private Premain() {}

  /** {@code -javaagent:weir.jar[=options]}. */
  public static void premain(@Nullable String options, Instrumentation instrumentation) {
    start(options, null, instrumentation, false);
  }

  /** Attached to a running JVM. */
  public static void agentmain(@Nullable String options, Instrumentation instrumentation) {
    start(options, null, instrumentation, true);
  }

  /** As an extension of the OpenTelemetry agent, which may begin on a thread of its own. */
  static void extension(java.io.File jar, Instrumentation instrumentation) {
    start(null, jar, instrumentation, !"main".equals(Thread.currentThread().getName()));
  }

  private static void start(
      @Nullable String options,
      java.io.@Nullable File where,
      Instrumentation instrumentation,
      boolean attached) {
    // one that was started with the JVM nobody waits for
    boolean awaited = attached || where != null;
    try {
      String tool = Program.tool();
      if (tool != null) {
        if (attached) {
          AttachNotice.leave(AttachNotice.TOOL + " " + tool, instrumentation);
        }
        return;
      }
      if (BootClasses.present()) {
        StderrLine.write(
            "already loaded in this JVM; this second -javaagent, extension or attach does nothing");
        if (attached) {
          AttachNotice.leave(AttachNotice.PRESENT, instrumentation);
        }
        return;
      }
      java.io.File jar = where != null ? where : IsolatedLoader.agentJar(Premain.class);
      Pack pack = Pack.open(jar);
      BootClasses.install(pack, instrumentation);
      ClassLoader loader = IsolatedLoader.over(pack);
      // by an interface that both sides of the wall know: for a method called by reflection JDK 25
      // first makes code, a third of a megabyte of garbage
      @SuppressWarnings("unchecked")
      Consumer<Object[]> agent =
          (Consumer<Object[]>)
              loader.loadClass("io.weir.agent.run.Agent").getConstructor().newInstance();
      Object[] start = {options, instrumentation, jar, attached};
      agent.accept(start);
      if (awaited) {
        boolean governs = Boolean.TRUE.equals(start[3]);
        AttachNotice.leave(governs ? AttachNotice.STARTED : AttachNotice.IDLE, instrumentation);
      }
    } catch (Throwable t) {
      StderrLine.write("could not start, the application runs without it: " + t);
      AttachNotice.leave(AttachNotice.FAILED + " " + t, instrumentation);
    }
  }
}
