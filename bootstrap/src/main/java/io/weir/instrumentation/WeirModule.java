package io.weir.instrumentation;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * An instrumentation, described by itself: its name, the classes it weaves, the hooks its advice
 * calls, and the libraries whose calls it governs.
 *
 * <p>The agent finds a module by its line in {@code
 * META-INF/services/io.weir.instrumentation.WeirModule}. It reads each module once, at start, and
 * leaves out a module that throws. A constructor without arguments is called for every module, also
 * for one that is switched off; the other methods do no work of their own.
 */
public abstract class WeirModule extends InstrumentationModule {
  /**
   * Version of the API that extensions are compiled against. It grows when an extension for the
   * version before would not work any more.
   */
  public static final int API = 1;

  /**
   * @param name as users write it in {@code weir.instrumentation.NAME.enabled}: lower case letters,
   *     digits and dashes
   */
  protected WeirModule(String name) {
    super(name, "weir-" + name);
  }

  /** As users write it in {@code weir.instrumentation.NAME.enabled}. */
  public final String name() {
    return instrumentationName();
  }

  /**
   * Names of the classes, each a {@link io.weir.bootstrap.Hook} with a public constructor that
   * takes the engine, that stand behind the woven places. Advice names one of them: {@code
   * Bridge.enter(Bridge.hook(NAME), ...)}.
   */
  public abstract String[] hooks();

  /**
   * False: classes are woven as they are loaded, and those of the JDK once {@code main} has begun,
   * before rules can be in force. True: for a module that weaves classes of the JDK only and serves
   * the traffic colour; it is read when a routing rule, a canary or a rule that uses a tag first
   * makes colours matter.
   */
  public boolean waitsForColours() {
    return false;
  }

  /**
   * Packages of the JDK's module {@code java.base} that adapters of woven classes of the JDK read
   * by reflection. They are opened to those adapters alone.
   */
  public String[] opens() {
    return new String[0];
  }

  /** The classes that are woven. */
  public abstract List<? extends WovenTypes> wovenTypes();

  /** The libraries whose calls this module governs, as the coverage report tells them. */
  public List<Library> covers() {
    return Collections.emptyList();
  }

  /**
   * A library that this module governs, for {@link #covers}.
   *
   * @param library its name for people
   * @param versions the versions that are governed, in words: {@code "3.3 and newer"}
   * @param prefixes how the names of its classes begin. By them the coverage report finds the
   *     library of a class that was woven, or that could not be
   * @param entryClasses binary names of classes of which each user of the library loads at least
   *     one. When one is loaded, the coverage report lists the library
   */
  protected final Library library(
      String library,
      Library.Side side,
      String versions,
      String[] prefixes,
      String... entryClasses) {
    return Library.governed(library, side, name(), versions, Arrays.asList(prefixes), entryClasses);
  }

  @Override
  public final List<TypeInstrumentation> typeInstrumentations() {
    return new ArrayList<TypeInstrumentation>(wovenTypes());
  }
}
