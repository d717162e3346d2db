package io.weir.agent.weave;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;
import org.jspecify.annotations.Nullable;

/**
 * An advice class, read from its bytes and never loaded: what stands before and after a method.
 *
 * <p>Byte Buddy reads the same annotations and knows many more. What the weaver does not implement
 * is refused when the class is read, in words: {@link AdviceMethod}.
 */
final class AdviceClass {
  private @Nullable AdviceMethod enter;
  private @Nullable AdviceMethod exit;

  private AdviceClass() {}

  /**
   * @param name with dots
   * @param classes has it as a resource
   * @throws IOException it is not there
   * @throws IllegalArgumentException it asks for what the weaver cannot do; the message says what
   */
  static AdviceClass read(String name, ClassLoader classes) throws IOException {
    try (InputStream in = classes.getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new IOException("no advice " + name);
      }
      return read(new ClassReader(in));
    } catch (IllegalArgumentException refused) {
      throw new IllegalArgumentException(name + ": " + refused.getMessage(), refused);
    }
  }

  private static AdviceClass read(ClassReader file) {
    AdviceClass advice = new AdviceClass();
    file.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public @Nullable MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            return new AdviceMethod(file, name, descriptor) {
              @Override
              public void visitEnd() {
                if (!says("OnMethodEnter") && !says("OnMethodExit")) {
                  return;
                }
                check((access & Opcodes.ACC_STATIC) != 0, "is not static");
                check(!says("OnMethodEnter") || !says("OnMethodExit"), "is enter and exit");
                check(
                    (says("OnMethodEnter") ? advice.enter : advice.exit) == null,
                    "is one too many: one enter and one exit");
                refuseWhatIsNotImplemented();
                if (says("OnMethodEnter")) {
                  advice.enter = this;
                } else {
                  advice.exit = this;
                }
              }
            };
          }
        },
        ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    if (advice.enter == null && advice.exit == null) {
      throw new IllegalArgumentException("no method has advice's annotations");
    }
    if (advice.exit != null && (advice.enter == null || advice.enter.result == Type.VOID_TYPE)) {
      advice.exit.check(!advice.exit.asksFor("Enter"), "asks for a state that enter does not give");
    }
    return advice;
  }

  /** The hooks it names. */
  List<String> hooks() {
    List<String> hooks = new ArrayList<>();
    if (enter != null) {
      hooks.addAll(enter.hooks());
    }
    if (exit != null) {
      hooks.addAll(exit.hooks());
    }
    return hooks;
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
