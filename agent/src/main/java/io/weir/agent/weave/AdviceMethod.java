package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import net.bytebuddy.jar.asm.AnnotationVisitor;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ConstantDynamic;
import net.bytebuddy.jar.asm.Handle;
import net.bytebuddy.jar.asm.Label;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;
import org.jspecify.annotations.Nullable;

/**
 * One method of an advice class: what its annotations say, and its code to be copied elsewhere.
 *
 * <p>What is implemented stands in {@link #ENTER} to {@link #ROLES}, and everything else is
 * refused: annotations, their values, and code that would not run, or not the same, in another
 * class.
 */
class AdviceMethod extends MethodVisitor {
  private static final String PREFIX = "Lnet/bytebuddy/asm/Advice$";
  private static final String THROWABLE = "java/lang/Throwable";
  private static final String DOES_NOT_SUPPRESS = "does not suppress Throwable";

  // annotations of a method, and which of their values may be given
  private static final String ENTER = " skipOn suppress ";
  private static final String EXIT = " onThrowable suppress ";

  // annotations of a parameter
  private static final Map<String, String> ROLES = new HashMap<>();

  static {
    ROLES.put("Origin", "");
    ROLES.put("This", " typing ");
    ROLES.put("Argument", " value typing ");
    ROLES.put("FieldValue", " value typing ");
    ROLES.put("Enter", " typing ");
    ROLES.put("Return", " typing ");
    ROLES.put("Thrown", " typing ");
  }

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
  private boolean asksInstead;
  private boolean asksMore;
  private @Nullable String unfit;
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
   * Whether what it throws is thrown by the method: advice after the method that suppresses
   * nothing, does not come after a failure, and calls nothing but {@code Bridge.instead}, whose
   * result it returns or, of a method without a result, ignores. The method's body has not run
   * where that throws.
   */
  final boolean throwsInstead() {
    return says("OnMethodExit")
        && typeIn("OnMethodExit", "suppress") == null
        && typeIn("OnMethodExit", "onThrowable") == null
        && (replacesResult() || result == Type.VOID_TYPE)
        && asksInstead
        && !asksMore;
  }

  /** The hooks it names. */
  final Collection<String> hooks() {
    return hooks.values();
  }

  /** Whether a parameter has this annotation, by its simple name. */
  final boolean asksFor(String role) {
    for (Parameter p : roles) {
      if (p.role.equals(role)) {
        return true;
      }
    }
    return false;
  }

  final void check(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalArgumentException(name + " " + otherwise);
    }
  }

  /**
   * @throws IllegalArgumentException says what is asked for and not implemented
   */
  final void refuseWhatIsNotImplemented() {
    boolean before = says("OnMethodEnter");
    for (Map.Entry<String, Map<String, Object>> a : annotations.entrySet()) {
      if (a.getKey().startsWith(PREFIX)) {
        String annotation = a.getKey().substring(PREFIX.length(), a.getKey().length() - 1);
        switch (annotation) {
          case "OnMethodEnter":
            checkValues(annotation, a.getValue(), ENTER);
            break;
          case "OnMethodExit":
            checkValues(annotation, a.getValue(), EXIT);
            break;
          case "AssignReturned$ToReturned":
            check(!before && isObject(result), "replaces a result without having one");
            checkDynamic(annotation, a.getValue());
            break;
          case "AssignReturned$ToArguments":
            check(before, "replaces arguments after the method");
            checkArguments(a.getValue());
            break;
          default:
            check(false, "has @" + annotation);
        }
      }
    }
    String when = before ? "OnMethodEnter" : "OnMethodExit";
    check(THROWABLE.equals(typeIn(when, "suppress")) || throwsInstead(), DOES_NOT_SUPPRESS);
    String skip = typeIn(when, "skipOn");
    check(skip == null || isVisible(skip) && isObject(result), "skips on " + skip);
    String thrown = typeIn(when, "onThrowable");
    check(thrown == null || THROWABLE.equals(thrown), "comes after " + thrown + " only");
    check(!before || result == Type.VOID_TYPE || isObject(result), "returns a primitive");
    for (int i = 0; i < roles.length; i++) {
      checkParameter(roles[i], parameters[i], before, thrown);
    }
    check(unfit == null, String.valueOf(unfit));
  }

  private void checkParameter(Parameter p, Type type, boolean before, @Nullable String thrown) {
    String values = ROLES.get(p.role);
    check(values != null, "has a parameter with @" + p.role);
    checkValues(p.role, p.values, String.valueOf(values));
    check(!isObject(type) || isVisible(type.getInternalName()), "takes a " + type.getClassName());
    switch (p.role) {
      case "Origin":
        check(type.getClassName().equals("java.lang.Class"), "has an origin that is no class");
        break;
      case "FieldValue":
        check(before, "reads a field after the method");
        break;
      case "Enter":
      case "Return":
        check(!before, "has @" + p.role + " before the method");
        break;
      case "Thrown":
        check(thrown != null, "has @Thrown without onThrowable");
        break;
      default:
        // an argument, or the object
    }
  }

  private void checkArguments(Map<String, Object> values) {
    for (Object one : ((Map<?, ?>) Objects.requireNonNull(values.get("value"))).values()) {
      @SuppressWarnings("unchecked")
      Map<String, Object> to = (Map<String, Object>) one;
      check(
          result.getSort() == (to.get("index") == null ? Type.OBJECT : Type.ARRAY),
          "replaces an argument by a " + result.getClassName());
      check(isObject(result.getSort() == Type.ARRAY ? result.getElementType() : result), "boxes");
      Map<String, Object> rest = new HashMap<>(to);
      rest.remove("value");
      rest.remove("index");
      checkDynamic("ToArgument", rest);
    }
  }

  /** What replaces is cast where it is put, as Byte Buddy does where the typing is dynamic. */
  private void checkDynamic(String annotation, Map<String, Object> values) {
    checkValues(annotation, values, " typing ");
    check("DYNAMIC".equals(values.get("typing")), "has @" + annotation + " without typing=DYNAMIC");
  }

  private void checkValues(String annotation, Map<String, Object> values, String known) {
    for (Map.Entry<String, Object> v : values.entrySet()) {
      boolean asItIs =
          v.getKey().equals("readOnly") && v.getValue().equals(true)
              || v.getKey().equals("optional") && v.getValue().equals(false);
      check(
          asItIs || known.contains(" " + v.getKey() + " "),
          "has @" + annotation + " with " + v.getKey() + "=" + v.getValue());
    }
  }

  private static boolean isObject(Type type) {
    return type.getSort() >= Type.ARRAY;
  }

  /** Woven code sees nothing of ours but the bridge. */
  private static boolean isVisible(String internalName) {
    String element = internalName.replaceAll("^\\[+L?", "");
    return element.startsWith("java/")
        || element.startsWith("io/weir/bootstrap/")
        || element.length() == 1;
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
      if (!roles[parameter].role.isEmpty()) {
        unfit = "has a parameter with two annotations";
      }
      roles[parameter].role = annotation.substring(PREFIX.length(), annotation.length() - 1);
      return new Values(roles[parameter].values);
    }
    return new Values(new HashMap<>());
  }

  // ---- the code, as it is read

  private void instruction(@Nullable String constant) {
    last = constant;
  }

  private void unfit(boolean is, String what) {
    if (is && unfit == null) {
      unfit = what;
    }
  }

  private void names(String internalName) {
    unfit(!isVisible(internalName), "names " + internalName + ", which woven classes cannot see");
  }

  private void namesAll(String descriptor) {
    for (Type t : Type.getArgumentTypes(descriptor)) {
      names(t.getSort() >= Type.ARRAY ? t.getInternalName() : "I");
    }
    Type t = Type.getReturnType(descriptor);
    names(t.getSort() >= Type.ARRAY ? t.getInternalName() : "I");
  }

  private void jumps() {
    unfit(says("OnMethodExit"), "branches after the method");
    instruction(null);
  }

  @Override
  public final void visitTryCatchBlock(
      Label begin, Label end, Label handler, @Nullable String type) {
    unfit(true, "catches");
  }

  @Override
  public final void visitLdcInsn(Object constant) {
    instruction(constant instanceof String ? (String) constant : null);
    constants++;
    if (constant instanceof Type) {
      unfit(((Type) constant).getSort() == Type.METHOD, "names a method type");
      names(((Type) constant).getInternalName());
    } else {
      unfit(constant instanceof Handle || constant instanceof ConstantDynamic, "links at run time");
    }
  }

  @Override
  public final void visitMethodInsn(
      int opcode, String type, String method, String signature, boolean isInterface) {
    if (isHook(type, method)) {
      if (last == null) {
        unfit(true, "has a hook whose name is no constant");
      } else {
        hooks.put(constants - 1, last);
      }
    }
    boolean instead = type.equals("io/weir/bootstrap/Bridge") && method.equals("instead");
    asksInstead |= instead;
    asksMore |= !instead;
    names(type);
    namesAll(signature);
    unfit(isInterface && opcode == Opcodes.INVOKESTATIC, "calls a static method of an interface");
    unfit(opcode == Opcodes.INVOKESPECIAL && !method.equals("<init>"), "calls a private method");
    instruction(null);
  }

  private static boolean isHook(String type, String method) {
    return type.equals("io/weir/bootstrap/Bridge") && method.equals("hook");
  }

  @Override
  public final void visitInsn(int opcode) {
    unfit(opcode == Opcodes.ATHROW, "throws");
    unfit(opcode == Opcodes.MONITORENTER, "takes a lock");
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
    names(type);
    instruction(null);
  }

  @Override
  public final void visitFieldInsn(int opcode, String type, String field, String of) {
    names(type);
    instruction(null);
  }

  @Override
  public final void visitInvokeDynamicInsn(
      String method, String signature, Handle bootstrap, Object... arguments) {
    unfit(true, "links at run time (a lambda, or strings joined by a newer compiler)");
  }

  @Override
  public final void visitJumpInsn(int opcode, Label label) {
    jumps();
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
    jumps();
  }

  @Override
  public final void visitLookupSwitchInsn(Label other, int[] keys, Label[] labels) {
    jumps();
  }

  @Override
  public final void visitMultiANewArrayInsn(String type, int dimensions) {
    names(type);
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
