package io.weir.agent.weave;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.commons.ClassRemapper;
import net.bytebuddy.jar.asm.commons.Remapper;

/**
 * The weaver and the modules as weir.jar has them: asking our matchers instead of Byte Buddy's,
 * which they are compiled against.
 */
final class AsInTheJar extends ClassLoader {
  private static final List<String> REWRITTEN =
      List.of(
          "io.weir.agent.weave.",
          "io.weir.instrumentation.",
          "io.opentelemetry.javaagent.extension.instrumentation.");

  AsInTheJar() {
    super(AsInTheJar.class.getClassLoader());
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (REWRITTEN.stream().noneMatch(name::startsWith)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> c = findLoadedClass(name);
      return c != null ? c : define(name);
    }
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      ClassWriter out = new ClassWriter(0);
      new ClassReader(in)
          .accept(
              new ClassRemapper(
                  out,
                  new Remapper() {
                    @Override
                    public String map(String type) {
                      return type.startsWith("net/bytebuddy/matcher/ElementMatcher")
                          ? type.replace("net/bytebuddy/matcher/", "io/weir/agent/weave/match/")
                          : type;
                    }
                  }),
              0);
      byte[] b = out.toByteArray();
      return defineClass(name, b, 0, b.length);
    } catch (IOException damaged) {
      throw new ClassNotFoundException(name, damaged);
    }
  }

  /** Has every type instrumentation of a module that weaves a class; see {@link Weaver#weave}. */
  byte[] weave(List<String> modules, String className, byte[] classFile) throws Exception {
    List<Object> types = new ArrayList<>();
    for (String module : modules) {
      Object m = loadClass(module).getConstructor().newInstance();
      for (Object type : (List<?>) call(m, "wovenTypes")) {
        if (List.of((String[]) call(type, "typeNames")).contains(className)) {
          types.add(type);
        }
      }
    }
    var weave =
        loadClass(Weaver.class.getName())
            .getDeclaredMethod("weave", List.class, String.class, byte[].class);
    weave.setAccessible(true);
    return (byte[]) weave.invoke(null, types, className, classFile);
  }

  private static Object call(Object target, String method) throws Exception {
    var m = target.getClass().getMethod(method);
    m.setAccessible(true);
    return Objects.requireNonNull(m.invoke(target));
  }
}
