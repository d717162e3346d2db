package io.weir.agent.weave;

import static io.weir.bootstrap.Seen.SEEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.agent.weave.match.ElementMatchers;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.Advice.AssignReturned.ToArguments.ToArgument;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.implementation.bytecode.assign.Assigner.Typing;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.matcher.ElementMatcher;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What inlined advice sees and changes, and that the method's own code stays what it was. */
public class InlinerTest {
  @BeforeEach
  void nothingSeen() {
    SEEN.clear();
  }

  // ---- methods to weave; no string concatenation, so that they can be written as Java 5, too

  @SuppressWarnings("unused")
  public static class Target {
    int made;

    public int loopAtTheFirstInstruction(int n) {
      do {
        n--;
        if (n == 7) {
          return 70;
        }
      } while (n > 0);
      return n;
    }

    public long wide(long a, double b, int c) {
      if (c > 1) {
        return a + c;
      }
      a = 0;
      return (long) b;
    }

    public double real(float a) {
      return a > 1 ? a : 0.5;
    }

    public float small(float a) {
      return -a;
    }

    public boolean truth(Object o) {
      return o != null;
    }

    public void nothing(int[] into) {
      if (into.length == 0) {
        return;
      }
      into[0]++;
    }

    public synchronized Object locked(String s) {
      synchronized (s) {
        return s.trim();
      }
    }

    public int[] caught(String s) {
      try {
        return new int[] {Integer.parseInt(s)};
      } catch (NumberFormatException e) {
        made++;
        return new int[] {made, e.getMessage().length()};
      } finally {
        made += 100;
      }
    }

    public static String ofTheClass(String a, long b, String c) {
      switch (c) {
        case "a":
          return a;
        case "b":
          return b == 0 ? null : c;
        default:
          throw new IllegalStateException(c);
      }
    }
  }

  private static final Object[][] CALLS = {
    {"loopAtTheFirstInstruction", 3},
    {"loopAtTheFirstInstruction", 9},
    {"wide", 5L, 2.5, 1},
    {"wide", 5L, 2.5, 2},
    {"real", 2f},
    {"real", 0f},
    {"small", 2f},
    {"truth", "x"},
    {"nothing", new int[1]},
    {"nothing", new int[0]},
    {"locked", " x "},
    {"caught", "12"},
    {"caught", "no"},
    {"ofTheClass", "1", 2L, "a"},
    {"ofTheClass", "1", 0L, "b"},
    {"ofTheClass", "1", 2L, "b"},
    {"ofTheClass", "1", 2L, "c"},
    {"locked", new Object[] {null}[0]},
  };

  static class Watch {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static Object enter(@Advice.Origin Class<?> origin) {
      SEEN.add("enter");
      return origin;
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(
        @Advice.Origin Class<?> origin,
        @Advice.Enter Object state,
        @Advice.Thrown Throwable thrown) {
      SEEN.add(state);
      SEEN.add(thrown);
    }
  }

  static class Throwing {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static Object enter(@Advice.Origin Class<?> origin) {
      return SEEN.get(1_000);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Enter Object state) {
      SEEN.get(1_000);
    }
  }

  /** Written as Java 5 there are no stack map frames, and the older verifier judges. */
  @ParameterizedTest
  @ValueSource(ints = {Opcodes.V1_5, Opcodes.V1_8, Opcodes.V17})
  void everyCallIsSeenAndEndsAsItWould(int version) throws Exception {
    Object plain = make(classFile(Target.class, version));
    Object woven = make(weave(Target.class, version, Watch.class));
    Object blind = make(weave(Target.class, version, Throwing.class));
    for (Object[] call : CALLS) {
      SEEN.clear();
      Object expected = call(plain, call);
      assertThat(call(woven, call)).isEqualTo(expected);
      assertThat(SEEN).hasSize(3).startsWith("enter", woven.getClass());
      assertThat(String.valueOf(SEEN.get(2)))
          .isEqualTo(expected instanceof Throwable ? expected.toString() : "null");
      assertThat(call(blind, call)).as("advice that throws").isEqualTo(expected);
    }
  }

  static class Skipping {
    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static Object enter(@Advice.Origin Class<?> origin) {
      return Skip.SKIP;
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class, suppress = Throwable.class)
    static void exit(@Advice.Enter Object state) {
      SEEN.add(state);
    }
  }

  static class SkippingWithoutExit {
    @Advice.OnMethodEnter(skipOn = Skip.class, suppress = Throwable.class)
    static Object enter() {
      return Skip.SKIP;
    }
  }

  @ParameterizedTest
  @ValueSource(classes = {Skipping.class, SkippingWithoutExit.class})
  void aSkippedMethodReturnsNothingAndItsExitIsToldSo(Class<?> advice) throws Exception {
    Object woven = make(weave(Target.class, Opcodes.V1_8, advice));
    for (Object[] call : CALLS) {
      SEEN.clear();
      Object result = call(woven, call);
      assertThat(result).isIn(null, 0, 0L, 0.0, 0f, false);
      assertThat(SEEN).hasSize(advice == Skipping.class ? 1 : 0);
    }
  }

  static class Result {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object exit(
        @Advice.This Object self, @Advice.Return(typing = Typing.DYNAMIC) Object is) {
      SEEN.add(self);
      return is instanceof String ? is : is;
    }
  }

  static class NewResult {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object exit(
        @Advice.This Object self,
        @Advice.Argument(0) Object argument,
        @Advice.Return(typing = Typing.DYNAMIC) Object is) {
      SEEN.add(self);
      SEEN.add(is);
      return argument;
    }
  }

  @SuppressWarnings("unused")
  public static class Results {
    public String string(Object a) {
      a = null; // what advice is told is what came in
      return "own";
    }
  }

  @Test
  void theResultIsReplacedUnlessItDoesNotFit() throws Exception {
    Object woven = make(weave(Results.class, Opcodes.V1_8, NewResult.class));
    assertThat(call(woven, "string", "other")).isEqualTo("other");
    assertThat(SEEN).containsExactly(woven, "own");
    assertThat(call(woven, "string", 1)).as("no string").isEqualTo("own");
  }

  static class NewArguments {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    @Advice.AssignReturned.ToArguments({
      @ToArgument(value = 2, index = 1, typing = Typing.DYNAMIC),
      @ToArgument(value = 0, index = 0, typing = Typing.DYNAMIC)
    })
    static Object[] enter(@Advice.Argument(1) long n, @Advice.Argument(2) Object last) {
      return n == 0 ? null : new Object[] {last, n == 1 ? (Object) "new" : Integer.valueOf(1)};
    }
  }

  @SuppressWarnings("unused")
  public static class Base {
    public final Object first;
    public final Object last;

    public Base(Object first, Object last) {
      this.first = first;
      this.last = last;
    }
  }

  @SuppressWarnings("unused")
  public static class Made extends Base {
    public Made(Object first, long n, String last) {
      super(n > 5 ? "many" : first, last == null ? first : last);
    }

    public Object seen() {
      return List.of(first, last);
    }
  }

  @Test
  void argumentsOfAConstructorAreReplacedBeforeItsSuperclassSeesThem() throws Exception {
    byte[] classFile = weave(Made.class, Opcodes.V17, NewArguments.class, "<init>");
    assertThat(made(classFile, 0)).as("null replaces nothing").isEqualTo(List.of("first", "last"));
    assertThat(made(classFile, 1)).isEqualTo(List.of("last", "new"));
    assertThat(made(classFile, 9)).as("no string: suppressed").isEqualTo(List.of("many", "last"));
  }

  private static Object made(byte[] classFile, long n) throws Exception {
    Class<?> c = define(classFile);
    Object o =
        c.getConstructor(Object.class, long.class, String.class).newInstance("first", n, "last");
    return call(o, "seen");
  }

  static class Fields {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.This Object self, @Advice.FieldValue("made") Object made) {
      SEEN.add(made);
    }
  }

  @SuppressWarnings("unused")
  public static class WithField {
    private final String made = String.valueOf("field");

    public void go() {}
  }

  @Test
  void aFieldIsRead() throws Exception {
    call(make(weave(WithField.class, Opcodes.V17, Fields.class)), "go");
    assertThat(SEEN).containsExactly("field");
  }

  static class Numbered {
    static final String ONE = "io.weir.instrumentation.test.OneHook";
    static final String TWO = "io.weir.instrumentation.test.TwoHook";

    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.This Object self) {
      SEEN.add(TWO);
      SEEN.add(Bridge.hook(TWO));
      SEEN.add(Bridge.hook(self == null ? ONE : TWO));
    }
  }

  static class TwoNumbers {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter() {
      SEEN.add(Numbered.TWO);
      SEEN.add(Bridge.hook(Numbered.TWO));
      SEEN.add(Bridge.hook(Numbered.ONE));
    }
  }

  @Test
  void aHookIsNamedByAdviceAndNumberedWhereItIsWoven() throws Exception {
    int one = Bridge.add(Numbered.ONE);
    int two = Bridge.add(Numbered.TWO);
    byte[] woven = weave(WithField.class, Opcodes.V17, TwoNumbers.class, "go");
    assertThat(new String(woven, StandardCharsets.ISO_8859_1)).doesNotContain("OneHook");
    call(make(woven), "go");
    assertThat(SEEN).containsExactly(Numbered.TWO, two, one);
    assertThatThrownBy(() -> weave(WithField.class, Opcodes.V17, Numbered.class, "go"))
        .hasMessageContaining("enter has a hook whose name is no constant");
  }

  static class Narrow {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Argument(value = 0, typing = Typing.DYNAMIC) String first) {
      SEEN.add(first);
    }
  }

  @Test
  void anObjectOfAnotherTypeThanAdviceTakesIsAsIfAdviceHadThrown() throws Exception {
    Object woven = make(weave(Results.class, Opcodes.V17, Narrow.class));
    assertThat(call(woven, "string", "text")).isEqualTo("own");
    assertThat(call(woven, "string", 1)).isEqualTo("own");
    assertThat(SEEN).containsExactly("text");
  }

  static class Unmoved {
    @Advice.OnMethodExit(suppress = Throwable.class)
    @Advice.AssignReturned.ToReturned(typing = Typing.DYNAMIC)
    static Object exit() {
      return null;
    }
  }

  @Test
  void nullReplacesNoResult() throws Exception {
    Object woven = make(weave(Results.class, Opcodes.V17, Unmoved.class));
    assertThat(call(woven, "string", "x")).isEqualTo("own");
  }

  /** Compilers may: the JVM throws away what lies below. */
  @Test
  void valuesLeftOnTheStackBelowTheResultDoNoHarm() throws Exception {
    ClassWriter w = new ClassWriter(0);
    w.visit(Opcodes.V1_8, Opcodes.ACC_PUBLIC, "Left", null, "java/lang/Object", null);
    MethodVisitor m =
        w.visitMethod(Opcodes.ACC_PUBLIC | Opcodes.ACC_STATIC, "two", "()J", null, null);
    m.visitCode();
    m.visitInsn(Opcodes.LCONST_1);
    m.visitInsn(Opcodes.ICONST_3);
    m.visitLdcInsn(2L);
    m.visitInsn(Opcodes.LRETURN);
    m.visitMaxs(5, 0);
    m.visitEnd();
    w.visitEnd();
    Class<?> c = define(weave("Left", w.toByteArray(), Watch.class, "two"));
    assertThat(c.getMethod("two").invoke(null)).isEqualTo(2L);
    assertThat(SEEN).containsExactly("enter", c, null);
    c = define(weave("Left", w.toByteArray(), Throwing.class, "two"));
    assertThat(c.getMethod("two").invoke(null)).isEqualTo(2L);
  }

  @Test
  void adviceThatAsksForMoreIsRefused() {
    assertThatThrownBy(() -> weave(Results.class, Opcodes.V1_8, Result.class))
        .hasMessageContaining("exit branches after the method");
    assertThatThrownBy(() -> weave(Results.class, Opcodes.V1_8, Watch.class, "<init>"))
        .hasMessage("exit advice in a constructor");
    assertThatThrownBy(() -> weave(Results.class, Opcodes.V1_8, Fields.class))
        .hasMessage("no field made");
    assertThatThrownBy(() -> weave(Target.class, Opcodes.V1_4, SkippingWithoutExit.class))
        .hasMessage("the class file is older than Java 5");
  }

  /** Every method of a library, as different compilers and years have made them. */
  @ParameterizedTest
  @ValueSource(classes = {Watch.class, Skipping.class})
  void theVerifierPassesWhateverIsWoven(Class<?> advice) throws Exception {
    List<String> places = new ArrayList<>();
    for (String jar :
        System.getProperty("weir.weave.jars", jarOf(picocli.CommandLine.class))
            .split(File.pathSeparator)) {
      places.add(jar);
    }
    for (String place : places) {
      int methods = 0;
      try (JarFile jar = new JarFile(place)) {
        Library library = new Library(jar, advice);
        for (JarEntry e : jar.stream().filter(x -> x.getName().endsWith(".class")).toList()) {
          String name = e.getName().replace('/', '.').replaceAll("\\.class$", "");
          if (name.startsWith("META-INF") || name.endsWith("-info")) {
            continue;
          }
          try {
            Class<?> c = Class.forName(name, false, library);
            c.getDeclaredConstructors(); // links it, and so verifies it
            methods += library.woven.contains(name) ? 1 : 0;
          } catch (NoClassDefFoundError | IncompatibleClassChangeError optional) {
            // a library that is not here
          }
        }
      }
      System.out.println(place.replaceAll(".*/", "") + ": " + methods + " classes woven, verified");
      assertThat(methods).isPositive();
    }
  }

  private static String jarOf(Class<?> c) throws Exception {
    return new File(c.getProtectionDomain().getCodeSource().getLocation().toURI()).getPath();
  }

  /** A jar's classes, each woven; child first. */
  private static final class Library extends ClassLoader {
    private final JarFile jar;
    private final Class<?> advice;
    final List<String> woven = new ArrayList<>();

    Library(JarFile jar, Class<?> advice) {
      super(InlinerTest.class.getClassLoader());
      this.jar = jar;
      this.advice = advice;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      JarEntry e = jar.getJarEntry(name.replace('.', '/') + ".class");
      if (e == null || name.startsWith("java.")) {
        return super.loadClass(name, resolve);
      }
      Class<?> c = findLoadedClass(name);
      if (c != null) {
        return c;
      }
      try (InputStream in = jar.getInputStream(e)) {
        byte[] b = in.readAllBytes();
        byte[] w = weave(name, b, advice, null);
        if (w != null) {
          woven.add(name);
        }
        b = w == null ? b : w;
        return defineClass(name, b, 0, b.length);
      } catch (IOException damaged) {
        throw new ClassNotFoundException(name, damaged);
      }
    }
  }

  // ---- the weaver, asked as the host does

  /** Without a name: every method but constructors. */
  private static byte[] weave(String name, byte[] classFile, Class<?> advice, String method)
      throws IOException {
    TypeInstrumentation one =
        new TypeInstrumentation() {
          @Override
          @SuppressWarnings({"unchecked", "rawtypes"})
          public ElementMatcher<TypeDescription> typeMatcher() {
            ElementMatcher<Object> any = x -> true;
            return (ElementMatcher) any;
          }

          @Override
          @SuppressWarnings({"unchecked", "rawtypes"})
          public void transform(TypeTransformer transformer) {
            io.weir.agent.weave.match.ElementMatcher.Junction<Object> methods =
                method == null
                    ? ElementMatchers.not(ElementMatchers.nameEndsWith("init>"))
                    : ElementMatchers.named(method);
            ElementMatcher<Object> asked = methods::matches;
            transformer.applyAdviceToMethod((ElementMatcher) asked, advice.getName());
          }
        };
    return Weaver.weave(List.of(one), name, classFile);
  }

  private static byte[] weave(Class<?> target, int version, Class<?> advice) throws IOException {
    return weave(target, version, advice, null);
  }

  private static byte[] weave(Class<?> target, int version, Class<?> advice, String method)
      throws IOException {
    return Objects.requireNonNull(
        weave(target.getName(), classFile(target, version), advice, method));
  }

  /** As an older compiler would have written it. */
  private static byte[] classFile(Class<?> c, int version) throws IOException {
    try (InputStream in = c.getResourceAsStream(c.getName().replaceAll(".*\\.", "") + ".class")) {
      ClassWriter w = new ClassWriter(0);
      new ClassReader(in)
          .accept(
              new ClassVisitor(Opcodes.ASM9, w) {
                @Override
                public void visit(
                    int v, int access, String n, String s, String superName, String[] i) {
                  super.visit(version, access, n, s, superName, i);
                }

                @Override
                public void visitNestHost(String host) {}
              },
              version < Opcodes.V1_6 ? ClassReader.SKIP_FRAMES : 0);
      return w.toByteArray();
    }
  }

  private static Class<?> define(byte[] classFile) {
    return new ClassLoader(InlinerTest.class.getClassLoader()) {
      Class<?> define() {
        return defineClass(null, classFile, 0, classFile.length);
      }
    }.define();
  }

  private static Object make(byte[] classFile) throws Exception {
    return define(classFile).getDeclaredConstructor().newInstance();
  }

  /** What it returns or throws. */
  private static Object call(Object target, Object... call) throws Exception {
    for (Method m : target.getClass().getMethods()) {
      if (m.getName().equals(call[0])) {
        Object[] arguments = new Object[call.length - 1];
        System.arraycopy(call, 1, arguments, 0, arguments.length);
        try {
          return m.invoke(target, arguments);
        } catch (InvocationTargetException e) {
          return new Thrown(e.getCause().toString());
        }
      }
    }
    throw new NoSuchMethodException((String) call[0]);
  }

  private static final class Thrown extends Throwable {
    private static final long serialVersionUID = 1;
    private final String what;

    Thrown(String what) {
      this.what = what;
    }

    @Override
    public String toString() {
      return what;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Thrown && other.toString().equals(what);
    }

    @Override
    public int hashCode() {
      return what.hashCode();
    }
  }
}
