package io.weir.agent.weave;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.agent.modules.Modules;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.AsmVisitorWrapper;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.dynamic.ClassFileLocator;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.dynamic.scaffold.TypeValidation;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.pool.TypePool;
import org.jboss.shrinkwrap.resolver.api.maven.Maven;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every advice of every module, woven by Byte Buddy and by us into every library of the matrix: the
 * JVM verifies both, and both make the same calls to the bridge.
 *
 * <p>{@code -Dweir.matrix=REGEX} chooses rows by their coordinates.
 */
class ParityTest {
  private static final Path MATRIX = Path.of("../smoke-tests/src/test/resources/matrix.csv");

  private static final AsInTheJar OURS = new AsInTheJar();
  private static List<WeirModule> modules;

  @BeforeAll
  static void readModules() {
    modules = modules();
    for (WeirModule m : modules) {
      for (String hook : m.hooks()) {
        try {
          Bridge.add(hook);
        } catch (IllegalArgumentException anotherTestDid) {
          // it has a number
        }
      }
    }
  }

  private static List<WeirModule> modules() {
    return Modules.read(
            ParityTest.class.getClassLoader(),
            bad -> {
              throw new AssertionError(bad);
            })
        .all();
  }

  @Test
  void noAdviceOfOursAsksForWhatTheWeaverCannotDo() throws Exception {
    int checked = 0;
    for (WeirModule m : modules) {
      for (WovenTypes type : m.wovenTypes()) {
        Weaver.check(type, Arrays.asList(m.hooks()));
        checked++;
      }
      for (String hook : m.hooks()) {
        assertThat(getClass().getClassLoader().getResource(hook.replace('.', '/') + ".class"))
            .as(hook)
            .isNotNull();
      }
    }
    assertThat(checked).isGreaterThan(10);
  }

  /** What a module may override of its super classes, and the host would not ask. */
  @Test
  void noModuleSaysWhatNobodyAsks() {
    Set<String> asked =
        Set.of(
            "hooks",
            "wovenTypes",
            "covers",
            "waitsForColours",
            "opens",
            "typeNames",
            "typeMatcher",
            "transform");
    for (WeirModule m : modules) {
      List<Object> said = new ArrayList<>(List.of(m));
      said.addAll(m.wovenTypes());
      for (Object o : said) {
        for (Method method : o.getClass().getDeclaredMethods()) {
          boolean own = Modifier.isPrivate(method.getModifiers()) || method.isSynthetic();
          assertThat(own || asked.contains(method.getName())).as("%s", method).isTrue();
        }
      }
    }
  }

  static Stream<String> rows() throws IOException {
    String only = System.getProperty("weir.matrix", "");
    Set<String> rows = new LinkedHashSet<>();
    for (String line : Files.readAllLines(MATRIX)) {
      StringBuilder row = new StringBuilder();
      for (String field : line.startsWith("#") ? new String[0] : line.split("\\s*,\\s*")) {
        if (field.matches("[\\w.-]+:[\\w.-]+:[\\w.-]+")) {
          row.append(row.length() == 0 ? "" : " ").append(field);
        }
      }
      if (row.length() > 0 && row.toString().matches(only.isEmpty() ? ".*" : only)) {
        rows.add(row.toString());
      }
    }
    rows.add("io.opentelemetry:opentelemetry-api:1.0.0");
    rows.add("io.opentelemetry:opentelemetry-api:1.62.0");
    return rows.stream();
  }

  @ParameterizedTest
  @MethodSource("rows")
  void bothWeaveTheSameCallsAndTheJvmVerifiesThem(String row) throws Exception {
    List<File> files =
        List.of(Maven.resolver().resolve(row.split(" ")).withTransitivity().asFile());
    List<String> woven = new ArrayList<>();
    try (RowLoader.Jars jars = new RowLoader.Jars(files)) {
      Set<String> names = new LinkedHashSet<>();
      for (WeirModule m : modules) {
        for (WovenTypes type : m.wovenTypes()) {
          names.addAll(Arrays.asList(type.typeNames()));
        }
      }
      for (String name : names) {
        byte[] classFile = jars.classFile(name);
        if (classFile != null) {
          woven.addAll(compare(jars, name, classFile));
        }
      }
    }
    System.out.println(row + ": " + woven.size() + " methods\n  " + String.join("\n  ", woven));
    assertThat(woven).isNotEmpty();
  }

  /** Of this JDK. Those of {@code java.*} only the JVM itself may define. */
  @Test
  void bothWeaveTheSameCallsIntoClassesOfTheJdk() throws Exception {
    List<String> woven = new ArrayList<>();
    try (RowLoader.Jars none = new RowLoader.Jars(List.of())) {
      for (WeirModule m : modules) {
        for (WovenTypes type : m.wovenTypes()) {
          for (String name : type.typeNames()) {
            if (name.startsWith("sun.")) {
              woven.addAll(compare(none, name, ofTheJdk(name)));
            }
          }
        }
      }
    }
    System.out.println("the JDK: " + woven.size() + " methods\n  " + String.join("\n  ", woven));
    assertThat(woven).hasSizeGreaterThanOrEqualTo(8);
  }

  private static byte[] ofTheJdk(String name) throws IOException {
    try (InputStream in =
        ClassLoader.getSystemResourceAsStream(name.replace('.', '/') + ".class")) {
      return in.readAllBytes();
    }
  }

  private static List<String> compare(RowLoader.Jars jars, String name, byte[] plain)
      throws Exception {
    byte[] ours = ours(name, plain);
    byte[] theirs = byteBuddys(jars, name, plain);
    if (ours == null) {
      assertThat(wovenMethods(theirs)).as(name).isEmpty();
      return List.of();
    }
    Set<String> methods = wovenMethods(ours);
    assertThat(wovenMethods(theirs)).as(name).isEqualTo(methods);
    verify(jars, name, theirs);
    verify(jars, name, ours);
    Set<String> asked = new TreeSet<>();
    for (Body body : Body.values()) {
      byte[] doctored = doctored(plain, methods, body);
      RowLoader o = new RowLoader(jars, name, ours(name, doctored));
      RowLoader b = new RowLoader(jars, name, byteBuddys(jars, name, doctored));
      for (String method : methods) {
        for (BridgeCalls.Answer enter : BridgeCalls.Answer.values()) {
          for (BridgeCalls.Answer exit : BridgeCalls.Answer.values()) {
            List<String> calls = drive(o, name, method, enter, exit);
            if (calls.stream().anyMatch(c -> c.matches("(enter|exit|leave|instead) .*"))) {
              asked.add(method);
            }
            assertThat(calls)
                .as("%s.%s whose body %s, %s at enter, %s at exit", name, method, body, enter, exit)
                .isEqualTo(drive(b, name, method, enter, exit))
                .isNotEmpty();
          }
        }
      }
    }
    assertThat(asked).as("methods of %s that came to the bridge", name).isEqualTo(methods);
    return methods.stream().map(m -> name + "." + m).toList();
  }

  // ---- the two weavers

  private static byte[] ours(String name, byte[] classFile) throws Exception {
    try {
      return OURS.weave(
          modules.stream().map(m -> m.getClass().getName()).toList(), name, classFile);
    } catch (InvocationTargetException e) {
      throw new AssertionError(name + ": " + e.getCause(), e.getCause());
    }
  }

  private static byte[] byteBuddys(RowLoader.Jars jars, String name, byte[] classFile)
      throws IOException {
    ClassFileLocator own = ClassFileLocator.ForClassLoader.of(ParityTest.class.getClassLoader());
    ClassFileLocator locator =
        new ClassFileLocator.Compound(
            ClassFileLocator.Simple.of(name, classFile),
            new ClassFileLocator() {
              @Override
              public Resolution locate(String type) throws IOException {
                byte[] b = jars.classFile(type);
                return b == null ? new Resolution.Illegal(type) : new Resolution.Explicit(b);
              }

              @Override
              public void close() {}
            },
            ClassFileLocator.ForClassLoader.ofPlatformLoader(),
            own);
    TypePool pool = TypePool.Default.WithLazyResolution.of(locator);
    TypeDescription type = pool.describe(name).resolve();
    List<AsmVisitorWrapper> advice = new ArrayList<>();
    for (WeirModule m : modules) {
      for (WovenTypes t : m.wovenTypes()) {
        if (List.of(t.typeNames()).contains(name) && t.typeMatcher().matches(type)) {
          collect(t, pool, own, advice);
        }
      }
    }
    DynamicType.Builder<?> builder =
        new ByteBuddy().with(TypeValidation.DISABLED).decorate(type, locator);
    for (AsmVisitorWrapper a : advice) {
      builder = builder.visit(a);
    }
    return builder.make(pool).getBytes();
  }

  /** As the OpenTelemetry agent applies advice. */
  private static void collect(
      TypeInstrumentation type, TypePool pool, ClassFileLocator own, List<AsmVisitorWrapper> into) {
    type.transform(
        new TypeTransformer() {
          @Override
          public void applyAdviceToMethod(
              ElementMatcher<? super MethodDescription> methods, String name) {
            into.add(
                Advice.withCustomMapping()
                    .with(new Advice.AssignReturned.Factory().withSuppressed(Throwable.class))
                    .to(pool.describe(name).resolve(), own)
                    .on(methods));
          }

          @Override
          public void applyAdviceToMethod(
              ElementMatcher<? super MethodDescription> methods,
              Function<Advice.WithCustomMapping, Advice.WithCustomMapping> mapping,
              String name) {
            throw new UnsupportedOperationException();
          }

          @Override
          public void applyTransformer(AgentBuilder.Transformer transformer) {
            throw new UnsupportedOperationException();
          }
        });
  }

  /** Those that refer to the bridge. */
  private static Set<String> wovenMethods(byte[] classFile) {
    Set<String> methods = new TreeSet<>();
    new ClassReader(classFile)
        .accept(
            new ClassVisitor(Opcodes.ASM9) {
              @Override
              public MethodVisitor visitMethod(
                  int access, String name, String descriptor, String signature, String[] thrown) {
                return new MethodVisitor(Opcodes.ASM9) {
                  @Override
                  public void visitMethodInsn(
                      int opcode, String owner, String n, String d, boolean isInterface) {
                    if (owner.startsWith("io/weir/bootstrap/")) {
                      methods.add(name + descriptor);
                    }
                  }
                };
              }
            },
            0);
    return methods;
  }

  private static void verify(RowLoader.Jars jars, String name, byte[] classFile) throws Exception {
    // asking for its members links it, and linking verifies it
    Class.forName(name, false, new RowLoader(jars, name, classFile)).getDeclaredConstructors();
  }

  // ---- methods that are driven

  /**
   * What stands in the place of a library's own code. Constructors keep theirs, and nothing
   * initialises the class.
   */
  private enum Body {
    RETURNS,
    THROWS
  }

  private static byte[] doctored(byte[] plain, Set<String> methods, Body body) {
    ClassReader reader = new ClassReader(plain);
    ClassWriter writer = new ClassWriter(reader, 0);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            if (name.equals("<clinit>")) {
              return null;
            }
            MethodVisitor out = super.visitMethod(access, name, descriptor, signature, thrown);
            if (name.equals("<init>") || !methods.contains(name + descriptor)) {
              return out;
            }
            write(out, (access & Opcodes.ACC_STATIC) == 0 ? 1 : 0, descriptor, body);
            return null;
          }
        },
        0);
    return writer.toByteArray();
  }

  private static void write(MethodVisitor out, int slot, String descriptor, Body body) {
    String calls = Type.getInternalName(BridgeCalls.class);
    Type result = Type.getReturnType(descriptor);
    out.visitCode();
    for (Type t : Type.getArgumentTypes(descriptor)) {
      if (t.getSort() >= Type.ARRAY) {
        out.visitVarInsn(Opcodes.ALOAD, slot);
        out.visitMethodInsn(Opcodes.INVOKESTATIC, calls, "body", "(Ljava/lang/Object;)V", false);
      }
      slot += t.getSize();
    }
    if (body == Body.THROWS) {
      out.visitMethodInsn(
          Opcodes.INVOKESTATIC, calls, "failure", "()Ljava/lang/RuntimeException;", false);
      out.visitInsn(Opcodes.ATHROW);
    } else if (result.getSort() >= Type.ARRAY) {
      out.visitLdcInsn(result);
      out.visitMethodInsn(
          Opcodes.INVOKESTATIC, calls, "result", "(Ljava/lang/Class;)Ljava/lang/Object;", false);
      out.visitTypeInsn(Opcodes.CHECKCAST, result.getInternalName());
      out.visitInsn(Opcodes.ARETURN);
    } else {
      if (result != Type.VOID_TYPE) {
        out.visitInsn(
            switch (result.getSort()) {
              case Type.LONG -> Opcodes.LCONST_1;
              case Type.FLOAT -> Opcodes.FCONST_1;
              case Type.DOUBLE -> Opcodes.DCONST_1;
              default -> Opcodes.ICONST_1;
            });
      }
      out.visitInsn(result.getOpcode(Opcodes.IRETURN));
    }
    out.visitMaxs(2, slot);
    out.visitEnd();
  }

  /** The calls that the bridge and the body got, and what came out at last. */
  private static List<String> drive(
      RowLoader loader,
      String name,
      String method,
      BridgeCalls.Answer enter,
      BridgeCalls.Answer exit)
      throws Exception {
    Class<?> c = Class.forName(name, false, loader);
    Executable target = find(c, method);
    target.setAccessible(true);
    Class<?>[] types = target.getParameterTypes();
    Object[] arguments = new Object[types.length];
    for (int i = 0; i < types.length; i++) {
      arguments[i] = BridgeCalls.make(types[i]);
    }
    Object fitting = null;
    for (Class<?> t : types) {
      fitting = fitting == null && !t.isPrimitive() ? BridgeCalls.make(t) : fitting;
    }
    BridgeCalls.begin(enter, exit, fitting);
    for (int i = 0; i < arguments.length; i++) {
      if (!types[i].isPrimitive()) {
        BridgeCalls.known(arguments[i], "argument" + i);
      }
    }
    String outcome;
    try {
      if (target instanceof Method m) {
        Object self = Modifier.isStatic(m.getModifiers()) ? null : self(c);
        BridgeCalls.known(self, "this");
        outcome = BridgeCalls.say(m.invoke(self, arguments));
      } else {
        outcome =
            BridgeCalls.say(((java.lang.reflect.Constructor<?>) target).newInstance(arguments));
      }
    } catch (InvocationTargetException e) {
      outcome = e.getCause().toString();
    }
    List<String> log = BridgeCalls.log();
    log.add("then " + outcome);
    return log;
  }

  private static Object self(Class<?> c) throws IllegalAccessException {
    Object self = BridgeCalls.make(c);
    for (Field f : c.getDeclaredFields()) {
      if (!Modifier.isStatic(f.getModifiers()) && !f.getType().isPrimitive()) {
        f.setAccessible(true);
        Object value = BridgeCalls.make(f.getType());
        f.set(self, value);
        BridgeCalls.known(value, "field " + f.getName());
      }
    }
    return self;
  }

  private static Executable find(Class<?> c, String method) {
    return Stream.<Executable>concat(
            Arrays.stream(c.getDeclaredMethods()), Arrays.stream(c.getDeclaredConstructors()))
        .filter(
            e ->
                method.equals(
                    e instanceof Method m
                        ? m.getName() + Type.getMethodDescriptor(m)
                        : "<init>"
                            + Type.getConstructorDescriptor((java.lang.reflect.Constructor<?>) e)))
        .findFirst()
        .orElseThrow();
  }
}
