package io.weir.bootstrap;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.RunnableFuture;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A piece of work that takes the traffic colour of the thread that handed it over to the thread
 * that does it.
 *
 * <p>The colour is bound while the work runs and what was bound before is put back, so that a
 * pooled thread keeps nothing. Work handed over without a colour is not touched. One class stands
 * for nearly all kinds of work, whichever the woven method takes. Only for work that the JDK keeps
 * in a private field: the application must not see it. Elsewhere: {@link TaskColours}.
 */
public final class ColouredTask
    implements Runnable,
        Callable<Object>,
        Supplier<Object>,
        Function<Object, Object>,
        Consumer<Object>,
        BiConsumer<Object, Object> {
  private final Colour colour;
  private final Object task;

  private ColouredTask(Colour colour, Object task) {
    this.colour = colour;
    this.task = task;
  }

  /**
   * The work with the current colour, or the work itself: when there is no colour, and when the
   * work has taken its colour before (futures, stages).
   */
  public static Object of(Object task) {
    Colour colour = Colour.current();
    return colour == Colour.NONE
            || task == null
            || task instanceof ColouredTask
            || task instanceof RunnableFuture
            || task instanceof ForkJoinTask
            || task instanceof CompletableFuture.AsynchronousCompletionTask
        ? task
        : new ColouredTask(colour, task);
  }

  /** As {@link #of} where a {@code BiFunction} is taken. */
  @SuppressWarnings("unchecked")
  public static Object ofTwo(Object task) {
    Colour colour = Colour.current();
    return colour == Colour.NONE || task == null || task instanceof OfTwo
        ? task
        : new OfTwo(colour, (BiFunction<Object, Object, Object>) task);
  }

  /** As {@link #of} for a thread that is made for this work alone. */
  public static Object always(Object task) {
    Colour colour = Colour.current();
    return colour == Colour.NONE || task == null || task instanceof ColouredTask
        ? task
        : new ColouredTask(colour, task);
  }

  @Override
  public void run() {
    Colour before = Colour.swap(colour);
    try {
      ((Runnable) task).run();
    } finally {
      Colour.swap(before);
    }
  }

  @Override
  public Object call() throws Exception {
    Colour before = Colour.swap(colour);
    try {
      return ((Callable<?>) task).call();
    } finally {
      Colour.swap(before);
    }
  }

  @Override
  public Object get() {
    Colour before = Colour.swap(colour);
    try {
      return ((Supplier<?>) task).get();
    } finally {
      Colour.swap(before);
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public Object apply(Object a) {
    Colour before = Colour.swap(colour);
    try {
      return ((Function<Object, Object>) task).apply(a);
    } finally {
      Colour.swap(before);
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public void accept(Object a) {
    Colour before = Colour.swap(colour);
    try {
      ((Consumer<Object>) task).accept(a);
    } finally {
      Colour.swap(before);
    }
  }

  @Override
  @SuppressWarnings("unchecked")
  public void accept(Object a, Object b) {
    Colour before = Colour.swap(colour);
    try {
      ((BiConsumer<Object, Object>) task).accept(a, b);
    } finally {
      Colour.swap(before);
    }
  }

  /** The work's own, so that whoever prints a queue sees what is in it. */
  @Override
  public String toString() {
    return String.valueOf(task);
  }

  /** Apart, because no class can be a {@code Function} and a {@code BiFunction}. */
  private static final class OfTwo implements BiFunction<Object, Object, Object> {
    private final Colour colour;
    private final BiFunction<Object, Object, Object> task;

    OfTwo(Colour colour, BiFunction<Object, Object, Object> task) {
      this.colour = colour;
      this.task = task;
    }

    @Override
    public Object apply(Object a, Object b) {
      Colour before = Colour.swap(colour);
      try {
        return task.apply(a, b);
      } finally {
        Colour.swap(before);
      }
    }
  }
}
