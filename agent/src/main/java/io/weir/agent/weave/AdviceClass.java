package io.weir.agent.weave;

import java.io.IOException;
import java.io.InputStream;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import org.jspecify.annotations.Nullable;

/** An advice class, read from its bytes and never loaded: what stands before and after a method. */
final class AdviceClass {
  private @Nullable AdviceMethod enter;
  private @Nullable AdviceMethod exit;

  private AdviceClass() {}

  /**
   * @param name with dots
   * @param classes has it as a resource
   */
  static AdviceClass read(String name, ClassLoader classes) throws IOException {
    try (InputStream in = classes.getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new IOException("no advice " + name);
      }
      return read(new ClassReader(in));
    }
  }

  private static AdviceClass read(ClassReader file) {
    AdviceClass advice = new AdviceClass();
    file.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public @Nullable MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            return (access & Opcodes.ACC_STATIC) == 0
                ? null
                : new AdviceMethod(file, name, descriptor) {
                  @Override
                  public void visitEnd() {
                    if (says("OnMethodEnter")) {
                      advice.enter = this;
                    } else if (says("OnMethodExit")) {
                      advice.exit = this;
                    }
                  }
                };
          }
        },
        ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    return advice;
  }

  /** Before the method, or null. */
  @Nullable AdviceMethod enter() {
    return enter;
  }

  /** After it, or null. */
  @Nullable AdviceMethod exit() {
    return exit;
  }
}
