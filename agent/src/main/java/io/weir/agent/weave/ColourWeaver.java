package io.weir.agent.weave;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.nameEndsWith;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.not;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Colour;
import io.weir.bootstrap.ColouredTask;
import io.weir.bootstrap.TaskColours;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.matcher.ElementMatchers;
import org.jspecify.annotations.Nullable;

/**
 * Lets the traffic colour follow work from thread to thread, by weaving the places of the JDK where
 * work is handed over.
 *
 * <p><b>Where.</b> An application sees its own objects wherever it can see them. {@code
 * ThreadPoolExecutor} shows its tasks to comparators, hooks and handlers, so they stay what they
 * are, and their colour is kept beside them ({@link TaskColours}): from {@code execute} until
 * {@code getTask} or the start of a worker. {@code beforeExecute} is woven for the threads that
 * wait in {@code getTask} when that is woven. All other places keep the task in a private field
 * that nobody sees; there it is replaced by one that has the colour of the thread it comes from
 * ({@link ColouredTask}): {@code FutureTask} (so {@code submit}, {@code invokeAll}, {@code
 * schedule}, completion services), {@code ForkJoinPool}, the stages of {@code CompletableFuture},
 * and every virtual thread. Tasks that repeat ({@code scheduleAtFixedRate}) outlive the request
 * that started them and take no colour. Not followed: {@code new Thread}, whose thread may be
 * anybody's worker, and {@code ForkJoinTask.fork} (parallel streams).
 *
 * <p><b>When.</b> Not before a routing rule or a canary makes colours matter; an application
 * without them runs the JDK's own code. Classes of the JDK are changed once, in place, without new
 * members; a JVM that refuses keeps its own code, and colours then end at the thread.
 *
 * <p>Threading: {@link #weave} from the control thread.
 */
public final class ColourWeaver {
  private final @Nullable Instrumentation instrumentation;
  private boolean done;

  /**
   * @param instrumentation null: never weaves
   */
  public ColourWeaver(@Nullable Instrumentation instrumentation) {
    this.instrumentation = instrumentation;
  }

  /** Weaves, the first time it is called; later calls do nothing. */
  public void weave() {
    if (done || instrumentation == null) {
      return;
    }
    done = true;
    // a thread of its own: retransforming the JDK's classes takes a second on cold cores, and the
    // control thread that
    // calls has leases to renew and instances to deregister meanwhile
    Instrumentation instrumentation = this.instrumentation;
    Thread weaver = new Thread(() -> weaveNow(instrumentation), "weir-weave");
    weaver.setDaemon(true);
    weaver.start();
  }

  private static void weaveNow(Instrumentation instrumentation) {
    Map<String, TypeInstrumentation> types = types();
    Transformer transformer = new Transformer(types);
    try {
      TaskColours.waiting(); // initialised here, not within the first task's execute
      JavaBase.readsTheBridge(instrumentation);
      instrumentation.addTransformer(transformer, true);
    } catch (Throwable t) {
      AgentLog.get().warn("the traffic colour ends at the thread: " + t);
      return;
    }
    int woven = 0;
    for (String name : types.keySet()) {
      try {
        Class<?> type = Class.forName(name.replace('/', '.'), false, null);
        instrumentation.retransformClasses(type);
        woven++;
      } catch (ClassNotFoundException olderJdk) {
        // nothing to follow there
      } catch (Throwable t) {
        AgentLog.get()
            .warn("the traffic colour does not pass " + name.replace('/', '.') + ": " + t);
      }
    }
    // the JDK's code as it is now stays; nothing needs to be seen of other classes
    AgentLog.get().info("the traffic colour follows work across threads (" + woven + " classes)");
  }

  private static Map<String, TypeInstrumentation> types() {
    Map<String, TypeInstrumentation> m = new LinkedHashMap<String, TypeInstrumentation>();
    m.put(
        "java/util/concurrent/FutureTask",
        new Woven("java.util.concurrent.FutureTask") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(isConstructor(), advice("First"));
          }
        });
    m.put(
        "java/util/concurrent/ThreadPoolExecutor",
        new Woven("java.util.concurrent.ThreadPoolExecutor") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(named("execute").and(takesArguments(1)), advice("Given"));
            t.applyAdviceToMethod(named("reject").and(takesArguments(1)), advice("Rejected"));
            t.applyAdviceToMethod(named("getTask").and(takesArguments(0)), advice("Taken"));
            t.applyAdviceToMethod(named("beforeExecute").and(takesArguments(2)), advice("Before"));
          }
        });
    m.put(
        "java/util/concurrent/ThreadPoolExecutor$Worker",
        new Woven("java.util.concurrent.ThreadPoolExecutor$Worker") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(named("run").and(takesArguments(0)), advice("Worker"));
          }
        });
    m.put(
        "java/util/concurrent/ScheduledThreadPoolExecutor",
        new Woven("java.util.concurrent.ScheduledThreadPoolExecutor") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(
                namedOneOf("scheduleAtFixedRate", "scheduleWithFixedDelay"), advice("Repeated"));
          }
        });
    m.put(
        "java/util/concurrent/ForkJoinPool",
        new Woven("java.util.concurrent.ForkJoinPool") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(
                namedOneOf("execute", "submit", "schedule")
                    .and(
                        ElementMatchers.<MethodDescription>takesArgument(0, Runnable.class)
                            .or(takesArgument(0, Callable.class))),
                advice("First"));
          }
        });
    m.put(
        "java/util/concurrent/CompletableFuture",
        new Woven("java.util.concurrent.CompletableFuture") {
          @Override
          public void transform(TypeTransformer t) {
            // private, and named so since JDK 8; exceptionally takes no executor before JDK 12
            t.applyAdviceToMethod(
                named("uniExceptionallyStage").and(takesArguments(1)), advice("First"));
            stages(t, 1, "Second");
            stages(t, 2, "Third");
          }

          /** Those that take an executor first and the work last. */
          private void stages(TypeTransformer t, int last, String advice) {
            ElementMatcher.Junction<MethodDescription> stage =
                nameEndsWith("Stage")
                    .and(takesArguments(last + 1))
                    .and(takesArgument(0, Executor.class));
            ElementMatcher<MethodDescription> ofTwo = takesArgument(last, BiFunction.class);
            t.applyAdviceToMethod(stage.and(not(ofTwo)), advice(advice));
            t.applyAdviceToMethod(stage.and(ofTwo), advice(advice + "OfTwo"));
          }
        });
    m.put(
        "java/lang/ThreadBuilders",
        new Woven("java.lang.ThreadBuilders") {
          @Override
          public void transform(TypeTransformer t) {
            t.applyAdviceToMethod(
                named("newVirtualThread")
                    .and(takesArguments(4))
                    .and(takesArgument(3, Runnable.class)),
                advice("Fourth"));
          }
        });
    return m;
  }

  private static String advice(String name) {
    return "io.weir.agent.weave.ColourWeaver$" + name;
  }

  private abstract static class Woven implements TypeInstrumentation {
    private final String name;

    Woven(String name) {
      this.name = name;
    }

    @Override
    public ElementMatcher<TypeDescription> typeMatcher() {
      return named(name);
    }
  }

  private static final class Transformer implements ClassFileTransformer {
    private final Map<String, TypeInstrumentation> types;

    Transformer(Map<String, TypeInstrumentation> types) {
      this.types = types;
    }

    @Override
    public byte @Nullable [] transform(
        @Nullable ClassLoader loader,
        @Nullable String name,
        @Nullable Class<?> redefined,
        @Nullable ProtectionDomain domain,
        byte[] classFile) {
      TypeInstrumentation type = loader == null && name != null ? types.get(name) : null;
      if (name == null || type == null) {
        return null;
      }
      try {
        return Weaver.weave(
            Collections.singletonList(type), name.replace('/', '.'), classFile);
      } catch (Throwable t) {
        AgentLog.get()
            .warn("the traffic colour does not pass " + name.replace('/', '.') + ": " + t);
        return null;
      }
    }
  }

  static final class First {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 0, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 0, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class Second {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 1, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class Third {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 2, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 2, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.of(task);
    }
  }

  static final class SecondOfTwo {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 1, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 1, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.ofTwo(task);
    }
  }

  static final class ThirdOfTwo {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 2, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 2, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.ofTwo(task);
    }
  }

  static final class Fourth {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments(@ToArgument(value = 3, typing = Typing.DYNAMIC))
    static @Nullable Object enter(
        @Advice.Argument(value = 3, typing = Typing.DYNAMIC) Object task) {
      return ColouredTask.always(task);
    }
  }

  static final class Given {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(0) Object task) {
      TaskColours.given(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Argument(0) Object task, @Advice.Thrown @Nullable Throwable thrown) {
      TaskColours.executed(task, thrown);
    }
  }

  static final class Rejected {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(
        @Advice.FieldValue("handler") Object handler, @Advice.Argument(0) Object task) {
      TaskColours.rejected(handler, task);
    }
  }

  static final class Taken {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      TaskColours.workerIsIdle();
    }

    @Advice.OnMethodExit(suppress = Throwable.class)
    static void exit(@Advice.Return @Nullable Object task) {
      TaskColours.taken(task);
    }
  }

  static final class Before {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(1) Object task) {
      TaskColours.aboutToRun(task);
    }
  }

  static final class Worker {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.FieldValue("firstTask") @Nullable Object task) {
      TaskColours.workerBegins(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit() {
      TaskColours.workerIsIdle();
    }
  }

  static final class Repeated {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static Colour enter() {
      return Colour.swap(Colour.NONE);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Enter Colour before) {
      Colour.swap(before);
    }
  }
}
