package io.weir.agent.weave;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.weir.agent.coverage.Coverage;
import io.weir.agent.log.AgentLog;
import io.weir.bootstrap.Definitions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.ClassDefinition;
import java.lang.instrument.Instrumentation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Weaves classes of the JDK. They may come from the JDK's own archive and never pass {@code
 * defineClass}, and the application may have used them already; so they are loaded, if they are
 * not, and redefined once, from their class files.
 *
 * <p>Redefined, not transformed: a transformer that stays has the JVM copy every class file it
 * loads. What other agents retransform later begins with the class as it is then, and those who
 * transformed it before are asked again. Members are never added.
 *
 * <p>A class that the JVM refuses stays as it is and is told; a class that this JDK does not have
 * costs a look-up.
 *
 * <p>Threading: one thread adds, and one at a time weaves.
 */
final class JdkClasses {
  private static final String[] PACKAGES = {
    "java.", "javax.net.", "jdk.", "sun.", "com.sun.net.httpserver."
  };

  private final Instrumentation instrumentation;
  private final Coverage coverage;

  /** By binary name; each is taken out when it is woven. */
  private final Map<String, List<TypeInstrumentation>> waiting =
      new LinkedHashMap<String, List<TypeInstrumentation>>();

  JdkClasses(Instrumentation instrumentation, Coverage coverage) {
    this.instrumentation = instrumentation;
    this.coverage = coverage;
  }

  /** Whether a class is the JDK's, by its binary name. */
  static boolean isOne(String name) {
    for (String p : PACKAGES) {
      if (name.startsWith(p)) {
        return true;
      }
    }
    return false;
  }

  void add(String name, TypeInstrumentation type) {
    List<TypeInstrumentation> types = waiting.get(name);
    if (types == null) {
      types = new ArrayList<TypeInstrumentation>(1);
      waiting.put(name, types);
    }
    types.add(type);
  }

  /**
   * Weaves those that were added; the second time there are none.
   *
   * @return how many were woven
   */
  int weave() {
    List<ClassDefinition> woven = new ArrayList<ClassDefinition>();
    for (Map.Entry<String, List<TypeInstrumentation>> e : waiting.entrySet()) {
      try {
        Class<?> c = Class.forName(e.getKey(), false, JdkClasses.class.getClassLoader());
        byte[] classFile = Weaver.weave(e.getValue(), e.getKey(), classFile(c));
        if (classFile != null) {
          JavaBase.readsTheBridge(instrumentation, c);
          woven.add(new ClassDefinition(c, classFile));
        }
      } catch (ClassNotFoundException anotherJdk) {
        // nothing to weave there
      } catch (Throwable t) {
        failed(e.getKey(), t);
      }
    }
    waiting.clear();
    return redefine(woven);
  }

  /** All in one pause of the JVM, or, where it refuses that, one after the other. */
  private int redefine(List<ClassDefinition> woven) {
    if (woven.isEmpty()) {
      return 0;
    }
    try {
      instrumentation.redefineClasses(woven.toArray(new ClassDefinition[0]));
      return woven.size();
    } catch (Throwable t) {
      if (woven.size() == 1) {
        failed(woven.get(0).getDefinitionClass().getName(), t);
        return 0;
      }
    }
    int n = 0;
    for (ClassDefinition one : woven) {
      n += redefine(Collections.singletonList(one));
    }
    return n;
  }

  private void failed(String name, Throwable why) {
    Definitions.failed();
    AgentLog.get().warn(name + " of the JDK could not be woven and runs as it is: " + why);
    coverage.failed(name, "it could not be woven: " + why);
  }

  private static byte[] classFile(Class<?> c) throws IOException {
    String name = c.getName();
    return classFile(c, name.substring(name.lastIndexOf('.') + 1) + ".class");
  }

  static byte[] classFile(Class<?> c, String resource) throws IOException {
    try (InputStream in = c.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IOException("the JVM does not show its class files");
      }
      ByteArrayOutputStream file = new ByteArrayOutputStream(1 << 16);
      byte[] b = new byte[1 << 14];
      for (int n; (n = in.read(b)) > 0; ) {
        file.write(b, 0, n);
      }
      return file.toByteArray();
    }
  }
}
