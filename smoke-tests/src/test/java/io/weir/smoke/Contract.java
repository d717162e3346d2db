package io.weir.smoke;

import io.weir.smoke.Row.Cell;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.support.ParameterDeclarations;
import org.opentest4j.TestAbortedException;

/**
 * All promises of one kind, as test methods, which each row's class inherits. The class runs once
 * per cell of its row. What a row cannot keep is not run, and said so; a line per cell goes to
 * {@code target/cells.txt}, from which {@code ./verify} and {@code smoke-tests/matrix} tell.
 */
@ParameterizedClass(name = "{0}")
@ArgumentsSource(Contract.Cells.class)
@ExtendWith(Contract.Promises.class)
abstract class Contract {
  @Parameter Cell cell;

  private static Count count;

  /** The library, which the class is about. */
  abstract Row<?> row();

  /** What became of a cell's promises. */
  private static final class Count {
    final Cell cell;
    final long began = System.nanoTime();
    int kept;
    int broken;
    int cannot;

    Count(Cell cell) {
      this.cell = cell;
    }
  }

  /** To be called first when a cell begins. */
  static void begins(Cell cell) {
    count = new Count(cell);
  }

  /** To be called last when a cell ends, also one that did not start. */
  static void ends() {
    Count c = count;
    count = null;
    // one that kept nothing did not start
    String line =
        String.format(
            Locale.ROOT,
            "%s | %d kept | %d broken | %d cannot | %.1f s%n",
            c.cell,
            c.kept,
            c.broken + (c.kept == 0 ? 1 : 0),
            c.cannot,
            (System.nanoTime() - c.began) / 1e9);
    System.out.print("cell: " + line);
    try {
      Files.writeString(
          Path.of("target", "cells.txt"),
          line,
          StandardCharsets.UTF_8,
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The cells of the row of a test class. */
  static final class Cells implements ArgumentsProvider {
    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) throws Exception {
      var constructor = context.getRequiredTestClass().getDeclaredConstructor();
      Row<?> row = ((Contract) constructor.newInstance()).row();
      row.check(context.getRequiredTestClass());
      List<Cell> cells = row.cells();
      return cells.stream().map(Arguments::of);
    }
  }

  /** Leaves out what a row cannot keep, and counts. */
  static final class Promises implements InvocationInterceptor, TestWatcher {
    @Override
    public void interceptTestMethod(
        Invocation<Void> invocation,
        ReflectiveInvocationContext<Method> method,
        ExtensionContext context)
        throws Throwable {
      Contract contract = (Contract) context.getRequiredTestInstance();
      String promise = method.getExecutable().getName();
      String why = contract.cell.cannot(promise);
      if (why != null) {
        System.out.println("cannot: " + contract.cell + ": " + promise + ": " + why);
        invocation.skip();
        throw new TestAbortedException(why);
      }
      invocation.proceed();
    }

    @Override
    public void testSuccessful(ExtensionContext context) {
      count.kept++;
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
      count.broken++;
    }

    @Override
    public void testAborted(ExtensionContext context, Throwable cause) {
      count.cannot++;
    }
  }
}
