package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import net.bytebuddy.jar.asm.AnnotationVisitor;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.Handle;
import net.bytebuddy.jar.asm.Label;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;
import org.jspecify.annotations.Nullable;

/** One method of an advice class: what its annotations say, and its code to be copied elsewhere. */
class AdviceMethod extends MethodVisitor {
  private static final String PREFIX = "Lnet/bytebuddy/asm/Advice$";

  final String name;
  final String descriptor;
  final Type[] parameters;
  final Type result;
  int maxStack;
  int maxLocals;

  private final ClassReader file;
  // by descriptor of the annotation; arrays are maps from "0", "1", ...
  private final Map<String, Map<String, Object>> annotations = new HashMap<>();
  private final Parameter[] roles;

  // which of the constants in the code are names of hooks
  private final Map<Integer, String> hooks = new HashMap<>();
  private int constants;
  private @Nullable String last;

  /** What a parameter stands for. */
  static final class Parameter {
    /** Simple name of the annotation: This, Argument, FieldValue, Enter, Return, ... */
    String role = "";

    Map<String, Object> values = new HashMap<>();

    /** Which argument. */
    int index() {
      return (Integer) Objects.requireNonNull(values.get("value"));
    }

    /** Which field. */
    String field() {
      return (String) Objects.requireNonNull(values.get("value"));
    }
  }

  AdviceMethod(ClassReader file, String name, String descriptor) {
    super(Opcodes.ASM9);
    this.file = file;
    this.name = name;
    this.descriptor = descriptor;
    parameters = Type.getArgumentTypes(descriptor);
    result = Type.getReturnType(descriptor);
    roles = new Parameter[parameters.length];
    for (int i = 0; i < roles.length; i++) {
      roles[i] = new Parameter();
    }
  }

  Parameter role(int parameter) {
    return roles[parameter];
  }

  /**
   * @param annotation simple name of one of Byte Buddy's
   */
  final boolean says(String annotation) {
    return annotations.containsKey(PREFIX + annotation + ";");
  }

  /** A class named by the annotation that makes this advice; null where it says nothing. */
  final @Nullable String typeIn(String annotation, String key) {
    Map<String, Object> values = annotations.get(PREFIX + annotation + ";");
    Object type = values == null ? null : values.get(key);
    return type == null ? null : ((Type) type).getInternalName();
  }

  /** Whether what it returns replaces what the method returns. */
  final boolean replacesResult() {
    return says("AssignReturned$ToReturned");
  }

  /** Which arguments its result replaces: argument to index in the array returned, -1: no array. */
  final Map<Integer, Integer> replacedArguments() {
    Map<Integer, Integer> replaced = new LinkedHashMap<>();
    Map<String, Object> all = annotations.get(PREFIX + "AssignReturned$ToArguments;");
    if (all != null) {
      for (Object one : ((Map<?, ?>) Objects.requireNonNull(all.get("value"))).values()) {
        Map<?, ?> values = (Map<?, ?>) one;
        Object index = values.get("index");
        replaced.put(
            (Integer) Objects.requireNonNull(values.get("value")),
            index == null ? -1 : (Integer) index);
      }
    }
    return replaced;
  }

  /**
   * Has {@code to} visit the instructions and labels of the code, frames expanded. Where it asks
   * for the number of a hook stands the number.
   */
  final void copy(MethodVisitor to) {
    file.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public @Nullable MethodVisitor visitMethod(
              int access, String n, String d, String signature, String[] thrown) {
            return n.equals(name) && d.equals(descriptor) ? new Numbering(to) : null;
          }
        },
        ClassReader.SKIP_DEBUG | ClassReader.EXPAND_FRAMES);
  }

  @Override
  public final AnnotationVisitor visitAnnotation(String annotation, boolean visible) {
    Map<String, Object> values = new LinkedHashMap<>();
    annotations.put(annotation, values);
    return new Values(values);
  }

  @Override
  public final AnnotationVisitor visitParameterAnnotation(
      int parameter, String annotation, boolean visible) {
    if (annotation.startsWith(PREFIX)) {
      roles[parameter].role = annotation.substring(PREFIX.length(), annotation.length() - 1);
      return new Values(roles[parameter].values);
    }
    return new Values(new HashMap<>());
  }

  // ---- the code, as it is read

  private void instruction(@Nullable String constant) {
    last = constant;
  }

  @Override
  public final void visitLdcInsn(Object constant) {
    instruction(constant instanceof String ? (String) constant : null);
    constants++;
  }

  @Override
  public final void visitMethodInsn(
      int opcode, String type, String method, String signature, boolean isInterface) {
    if (isHook(type, method)) {
      if (last == null) {
        throw new IllegalArgumentException("the name of a hook is no constant");
      }
      hooks.put(constants - 1, last);
    }
    instruction(null);
  }

  private static boolean isHook(String type, String method) {
    return type.equals("io/weir/bootstrap/Bridge") && method.equals("hook");
  }

  @Override
  public final void visitInsn(int opcode) {
    instruction(null);
  }

  @Override
  public final void visitIntInsn(int opcode, int operand) {
    instruction(null);
  }

  @Override
  public final void visitVarInsn(int opcode, int slot) {
    instruction(null);
  }

  @Override
  public final void visitTypeInsn(int opcode, String type) {
    instruction(null);
  }

  @Override
  public final void visitFieldInsn(int opcode, String type, String field, String of) {
    instruction(null);
  }

  @Override
  public final void visitInvokeDynamicInsn(
      String method, String signature, Handle bootstrap, Object... arguments) {
    instruction(null);
  }

  @Override
  public final void visitJumpInsn(int opcode, Label label) {
    instruction(null);
  }

  @Override
  public final void visitLabel(Label label) {
    instruction(null);
  }

  @Override
  public final void visitIincInsn(int slot, int by) {
    instruction(null);
  }

  @Override
  public final void visitTableSwitchInsn(int min, int max, Label other, Label... labels) {
    instruction(null);
  }

  @Override
  public final void visitLookupSwitchInsn(Label other, int[] keys, Label[] labels) {
    instruction(null);
  }

  @Override
  public final void visitMultiANewArrayInsn(String type, int dimensions) {
    instruction(null);
  }

  @Override
  public final void visitMaxs(int stack, int locals) {
    maxStack = stack;
    maxLocals = locals;
  }

  /** Puts the numbers of hooks in the place of their names. */
  private final class Numbering extends MethodVisitor {
    private int seen;

    Numbering(MethodVisitor to) {
      super(Opcodes.ASM9, to);
    }

    @Override
    public void visitLdcInsn(Object constant) {
      String hook = hooks.get(seen++);
      if (hook == null) {
        super.visitLdcInsn(constant);
      } else {
        super.visitIntInsn(Opcodes.SIPUSH, Bridge.hook(hook));
      }
    }

    @Override
    public void visitMethodInsn(
        int opcode, String type, String method, String signature, boolean isInterface) {
      if (!isHook(type, method)) {
        super.visitMethodInsn(opcode, type, method, signature, isInterface);
      }
    }
  }

  private static final class Values extends AnnotationVisitor {
    private final Map<String, Object> into;

    Values(Map<String, Object> into) {
      super(Opcodes.ASM9);
      this.into = into;
    }

    private String key(@Nullable String name) {
      return name == null ? String.valueOf(into.size()) : name;
    }

    @Override
    public void visit(@Nullable String key, Object value) {
      into.put(key(key), value);
    }

    @Override
    public void visitEnum(@Nullable String key, String type, String value) {
      into.put(key(key), value);
    }

    @Override
    public AnnotationVisitor visitAnnotation(@Nullable String key, String type) {
      return nested(key(key));
    }

    @Override
    public AnnotationVisitor visitArray(@Nullable String key) {
      return nested(key(key));
    }

    private Values nested(String key) {
      Map<String, Object> values = new LinkedHashMap<>();
      into.put(key, values);
      return new Values(values);
    }
  }
}
