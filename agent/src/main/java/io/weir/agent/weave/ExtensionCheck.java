package io.weir.agent.weave;

import io.weir.instrumentation.WeirModule;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.FieldVisitor;
import net.bytebuddy.jar.asm.Handle;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import org.jspecify.annotations.Nullable;

/**
 * Holds an extension's class files against this agent and this JVM, before any of its code runs.
 *
 * <p>What would be a linkage error in a call, long after the start, is found here: a class file
 * that the JVM does not read, and whatever the extension asks of the agent that is not there, be it
 * newer, gone, or no part of the API.
 */
final class ExtensionCheck {
  static final String VERSION = "Weir-Api-Version";

  private static final String HOOK = "io/weir/bootstrap/Hook";
  private static final String HOOK_CONSTRUCTOR = "<init>(Lio/weir/engine/gate/Engine;)V";
  private static final String CLASS = ".class";

  /** Whose classes are held against the agent. */
  private static final String[] CHECKED = {
    "io/weir/", "net/bytebuddy/", "io/opentelemetry/javaagent/",
  };

  private static final String[] API = {
    "io/weir/bootstrap/",
    "io/weir/engine/",
    "io/weir/instrumentation/",
    "net/bytebuddy/matcher/",
    "io/opentelemetry/javaagent/extension/instrumentation/",
  };

  private final ExtensionLoader jar;
  private final ClassLoader isolated;
  private final Map<String, Known> known = new HashMap<String, Known>();

  /** Members that others may use of a class of the agent or the JDK. */
  private static final class Known {
    static final Known NONE = new Known();

    final List<String> above = new ArrayList<String>(2);
    final Set<String> members = new HashSet<String>();
  }

  ExtensionCheck(ExtensionLoader jar, ClassLoader isolated) {
    this.jar = jar;
    this.isolated = isolated;
  }

  /**
   * @throws IllegalArgumentException says what does not fit
   */
  void check() throws IOException {
    version();
    for (String path : jar.paths()) {
      if (path.endsWith(CLASS)
          && !path.startsWith("META-INF/")
          && !path.endsWith("module-info.class")) {
        classFile(path);
      }
    }
  }

  private void version() throws IOException {
    byte[] file = jar.entry(JarFile.MANIFEST_NAME);
    String version =
        file == null
            ? null
            : new Manifest(new ByteArrayInputStream(file)).getMainAttributes().getValue(VERSION);
    if (version == null) {
      throw new IllegalArgumentException(
          "its manifest does not say which API it is for: " + VERSION + ": " + WeirModule.API);
    }
    if (!version.trim().equals(Integer.toString(WeirModule.API))) {
      throw new IllegalArgumentException(
          "it is for version "
              + version.trim()
              + " of the API, and this Weir has version "
              + WeirModule.API);
    }
  }

  @SuppressWarnings("NullAway") // a path of the jar
  private void classFile(String path) {
    String name = path.substring(0, path.length() - CLASS.length());
    if (name.startsWith("io/weir/")) {
      throw new IllegalArgumentException(
          "it has " + dotted(name) + " in it: Weir's own classes are the agent's to bring");
    }
    byte[] b = jar.entry(path);
    if (b.length < 8 || b[0] != (byte) 0xCA || b[1] != (byte) 0xFE) {
      throw new IllegalArgumentException(dotted(name) + " is no class file");
    }
    int major = (b[6] & 0xff) << 8 | b[7] & 0xff;
    if (major > ofTheJvm()) {
      throw new IllegalArgumentException(
          dotted(name)
              + " is compiled for Java "
              + (major - 44)
              + ", and this JVM is Java "
              + (ofTheJvm() - 44));
    }
    ClassReader reader = new ClassReader(b);
    if (!reader.getClassName().equals(name)) {
      throw new IllegalArgumentException(path + " has the class " + reader.getClassName());
    }
    reader.accept(new References(name), ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
  }

  private static int ofTheJvm() {
    String version = System.getProperty("java.class.version", "52.0");
    return Integer.parseInt(version.substring(0, version.indexOf('.')));
  }

  /**
   * Whether a hook can be made as the agent makes it.
   *
   * @throws IllegalArgumentException says why not
   */
  @SuppressWarnings("NullAway") // the JDK's and the agent's classes are not followed
  void adapter(String hook) {
    if (!jar.has(hook)) {
      throw new IllegalArgumentException("the adapter " + hook + " is not in it");
    }
    boolean[] constructed = {false};
    String above = hook.replace('.', '/');
    boolean first = true;
    while (jar.has(dotted(above))) {
      ClassReader reader = new ClassReader(jar.entry(above + CLASS));
      if (first) {
        first = false;
        reader.accept(
            new ClassVisitor(Opcodes.ASM9) {
              @Override
              public @Nullable MethodVisitor visitMethod(
                  int access,
                  String name,
                  String descriptor,
                  @Nullable String signature,
                  String @Nullable [] thrown) {
                constructed[0] |=
                    (name + descriptor).equals(HOOK_CONSTRUCTOR)
                        && (access & Opcodes.ACC_PUBLIC) != 0;
                return null;
              }
            },
            ClassReader.SKIP_CODE);
        constructed[0] &= (reader.getAccess() & Opcodes.ACC_PUBLIC) != 0;
      }
      above = reader.getSuperName();
    }
    if (!above.equals(HOOK) || !constructed[0]) {
      throw new IllegalArgumentException(
          "the adapter "
              + hook
              + (above.equals(HOOK)
                  ? " is not public, with a public constructor that takes the Engine"
                  : " is no " + dotted(HOOK)));
    }
  }

  private static String dotted(String name) {
    return name.replace('/', '.');
  }

  private static boolean startsWith(String name, String[] prefixes) {
    for (String p : prefixes) {
      if (name.startsWith(p)) {
        return true;
      }
    }
    return false;
  }

  /** Where it stands: the class itself or one above it. */
  private boolean has(String type, String member) {
    Known k = known(type);
    if (k.members.contains(member)) {
      return true;
    }
    for (String above : k.above) {
      if (has(above, member)) {
        return true;
      }
    }
    return false;
  }

  private Known known(String type) {
    Known k = known.get(type);
    if (k == null) {
      k = read(type);
      known.put(type, k);
    }
    return k;
  }

  private Known read(String type) {
    try (InputStream in = isolated.getResourceAsStream(type + CLASS)) {
      if (in == null) {
        return Known.NONE;
      }
      Known k = new Known();
      ClassReader reader = new ClassReader(in);
      if (reader.getSuperName() != null) {
        k.above.add(reader.getSuperName());
      }
      for (String i : reader.getInterfaces()) {
        k.above.add(i);
      }
      reader.accept(
          new ClassVisitor(Opcodes.ASM9) {
            @Override
            public @Nullable MethodVisitor visitMethod(
                int access,
                String name,
                String descriptor,
                @Nullable String signature,
                String @Nullable [] thrown) {
              add(access, name + descriptor);
              return null;
            }

            @Override
            public @Nullable FieldVisitor visitField(
                int access,
                String name,
                String descriptor,
                @Nullable String signature,
                @Nullable Object value) {
              add(access, name + ' ' + descriptor);
              return null;
            }

            private void add(int access, String member) {
              if ((access & (Opcodes.ACC_PUBLIC | Opcodes.ACC_PROTECTED)) != 0) {
                k.members.add(member);
              }
            }
          },
          ClassReader.SKIP_CODE | ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
      return k;
    } catch (IOException damaged) {
      return Known.NONE;
    }
  }

  /** What one class asks of others. */
  private final class References extends ClassVisitor {
    private final String by;

    References(String by) {
      super(Opcodes.ASM9);
      this.by = by;
    }

    @Override
    public void visit(
        int version,
        int access,
        String name,
        @Nullable String signature,
        @Nullable String above,
        String @Nullable [] interfaces) {
      if (above != null) {
        type(above);
      }
      for (String i : interfaces == null ? new String[0] : interfaces) {
        type(i);
      }
    }

    private boolean isOfTheAgent(String type) {
      if (!startsWith(type, CHECKED) || jar.has(dotted(type))) {
        return false;
      }
      if (!startsWith(type, API)) {
        throw new IllegalArgumentException(
            dotted(by) + " uses " + dotted(type) + ", which is no part of the API");
      }
      return true;
    }

    private void type(String type) {
      if (isOfTheAgent(type) && known(ExtensionLoader.REWRITTEN.map(type)) == Known.NONE) {
        missing(dotted(type));
      }
    }

    private void method(String owner, String name, String descriptor) {
      if (isOfTheAgent(owner)
          && !has(
              ExtensionLoader.REWRITTEN.map(owner),
              name + ExtensionLoader.REWRITTEN.mapMethodDesc(descriptor))) {
        missing(dotted(owner) + "." + name + descriptor);
      }
    }

    private void missing(String what) {
      throw new IllegalArgumentException(
          dotted(by) + " uses " + what + ", which this Weir does not have");
    }

    @Override
    public MethodVisitor visitMethod(
        int access,
        String method,
        String of,
        @Nullable String signature,
        String @Nullable [] thrown) {
      return new MethodVisitor(Opcodes.ASM9) {
        @Override
        public void visitMethodInsn(
            int opcode, String owner, String name, String descriptor, boolean ofInterface) {
          method(owner, name, descriptor);
        }

        @Override
        public void visitFieldInsn(int opcode, String owner, String name, String descriptor) {
          if (isOfTheAgent(owner)
              && !has(
                  ExtensionLoader.REWRITTEN.map(owner),
                  name + ' ' + ExtensionLoader.REWRITTEN.mapDesc(descriptor))) {
            missing(dotted(owner) + "." + name);
          }
        }

        @Override
        public void visitTypeInsn(int opcode, String type) {
          type(type);
        }

        @Override
        public void visitInvokeDynamicInsn(
            String name, String descriptor, Handle bootstrap, Object... arguments) {
          for (Object a : arguments) {
            if (a instanceof Handle) {
              Handle h = (Handle) a;
              if (h.getDesc().startsWith("(")) {
                method(h.getOwner(), h.getName(), h.getDesc());
              }
            }
          }
        }
      };
    }
  }
}
