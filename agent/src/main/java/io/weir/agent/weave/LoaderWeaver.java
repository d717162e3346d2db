package io.weir.agent.weave;

import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.ClassDefinition;
import java.lang.instrument.Instrumentation;
import java.util.Arrays;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import org.jspecify.annotations.Nullable;

/**
 * Lets {@code java.lang.ClassLoader.defineClass} ask {@link io.weir.bootstrap.Definitions} what to
 * define.
 *
 * <p>This instead of a {@code ClassFileTransformer}, because the JVM copies every class file it
 * loads for each of those, from its own archive, too, whether it is wanted or not: 7 MiB of a small
 * application on JDK 17, 11 on JDK 25 ({@code docs/performance.md}).
 *
 * <p>The class is redefined, not retransformed: what other agents retransform later begins with
 * what it is then, and those who retransformed it before are asked again.
 */
final class LoaderWeaver {
  private static final String LOADER = "java/lang/ClassLoader";
  private static final String DEFINITIONS = "io/weir/bootstrap/Definitions";
  private static final String OF_BYTES =
      "(Ljava/lang/String;[BIILjava/security/ProtectionDomain;)Ljava/lang/Class;";
  private static final String OF_BUFFER =
      "(Ljava/lang/String;Ljava/nio/ByteBuffer;Ljava/security/ProtectionDomain;)Ljava/lang/Class;";

  /** The oldest Java it is tested with. */
  private static final int OLDEST = 17;

  /** Options that give the JVM an archive of the application's classes, or have it made. */
  private static final String[] ARCHIVE = {
    "SharedArchive", "ArchiveClasses", "AOT", "CacheDataStore"
  };

  private LoaderWeaver() {}

  /**
   * @return null when it is done; else why not, in words, and everything is as it was
   */
  static @Nullable String weave(Instrumentation instrumentation) {
    try {
      String not = unfit(instrumentation);
      if (not == null) {
        byte[] woven = woven(classFile());
        JavaBase.readsTheBridge(instrumentation, ClassLoader.class);
        instrumentation.redefineClasses(new ClassDefinition(ClassLoader.class, woven));
      }
      return not;
    } catch (Throwable refused) {
      return "java.lang.ClassLoader cannot be woven: " + refused;
    }
  }

  private static @Nullable String unfit(Instrumentation instrumentation) throws Exception {
    String version = System.getProperty("java.specification.version", "");
    String vm = System.getProperty("java.vm.name", "");
    if (version.startsWith("1.") || Integer.parseInt(version) < OLDEST) {
      return "Java " + version;
    }
    if (!vm.contains("HotSpot") && !vm.contains("OpenJDK")) {
      return vm; // it may have other ways to define a class
    }
    JavaBase.exportsToUs(instrumentation, "jdk.internal.misc");
    Object arguments =
        Class.forName("jdk.internal.misc.VM").getMethod("getRuntimeArguments").invoke(null);
    for (String argument : (String[]) arguments) {
      if (mayArchive(argument)) {
        return argument + ": classes from an archive are not defined by their loaders";
      }
    }
    return null;
  }

  private static boolean mayArchive(String argument) {
    if (argument.startsWith("-XX:")) {
      for (String option : ARCHIVE) {
        if (argument.contains(option)) {
          return true;
        }
      }
    }
    return argument.equals("-Xshare:dump");
  }

  private static byte[] classFile() throws IOException {
    try (InputStream in = ClassLoader.class.getResourceAsStream("ClassLoader.class")) {
      if (in == null) {
        throw new IOException("the JVM does not show its class files");
      }
      byte[] b = new byte[1 << 17];
      int n = 0;
      for (int r; (r = in.read(b, n, b.length - n)) > 0; ) {
        n += r;
      }
      return Arrays.copyOf(b, n);
    }
  }

  private static byte[] woven(byte[] classFile) {
    ClassReader reader = new ClassReader(classFile);
    ClassWriter writer = new ClassWriter(reader, 0);
    int[] found = {0};
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access,
              String name,
              String descriptor,
              @Nullable String signature,
              String @Nullable [] thrown) {
            MethodVisitor out = super.visitMethod(access, name, descriptor, signature, thrown);
            boolean bytes = descriptor.equals(OF_BYTES);
            if (!name.equals("defineClass") || !bytes && !descriptor.equals(OF_BUFFER)) {
              return out;
            }
            found[0]++;
            return new AskingFirst(out, bytes);
          }
        },
        0);
    if (found[0] != 2) {
      throw new IllegalStateException("another ClassLoader.defineClass than any known");
    }
    return writer.toByteArray();
  }

  /**
   * Argument 1 is the name, 2 the buffer or the bytes, and then 3 and 4 where they begin and how
   * many there are. No branch, so no frame.
   */
  private static final class AskingFirst extends MethodVisitor {
    private final boolean bytes;

    AskingFirst(MethodVisitor out, boolean bytes) {
      super(Opcodes.ASM9, out);
      this.bytes = bytes;
    }

    @Override
    public void visitCode() {
      super.visitCode();
      visitVarInsn(Opcodes.ALOAD, 0);
      visitVarInsn(Opcodes.ALOAD, 1);
      visitVarInsn(Opcodes.ALOAD, 2);
      if (bytes) {
        visitVarInsn(Opcodes.ILOAD, 3);
        visitVarInsn(Opcodes.ILOAD, 4);
        definitions("of", "(L" + LOADER + ";Ljava/lang/String;[BII)[B");
        instead("offset", 3);
        instead("length", 4);
      } else {
        definitions(
            "of", "(L" + LOADER + ";Ljava/lang/String;Ljava/nio/ByteBuffer;)Ljava/nio/ByteBuffer;");
      }
      visitVarInsn(Opcodes.ASTORE, 2);
    }

    private void instead(String what, int argument) {
      visitInsn(Opcodes.DUP);
      visitVarInsn(Opcodes.ALOAD, 2);
      visitVarInsn(Opcodes.ILOAD, argument);
      definitions(what, "([B[BI)I");
      visitVarInsn(Opcodes.ISTORE, argument);
    }

    private void definitions(String method, String descriptor) {
      visitMethodInsn(Opcodes.INVOKESTATIC, DEFINITIONS, method, descriptor, false);
    }

    @Override
    public void visitMaxs(int stack, int locals) {
      super.visitMaxs(Math.max(stack, 5), locals);
    }
  }
}
