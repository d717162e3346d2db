package io.weir.agent.weave;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import net.bytebuddy.jar.asm.AnnotationVisitor;
import net.bytebuddy.jar.asm.Label;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;
import net.bytebuddy.jar.asm.TypePath;
import org.jspecify.annotations.Nullable;

/**
 * Inlines advice into one method while its code is copied.
 *
 * <p><b>What comes out.</b>
 *
 * <pre>
 *   try { state = ENTER; arguments it replaces } catch (Throwable t) { state = null; }
 *   if (state instanceof Skip) { result = 0; EXIT; return result; }
 *   the method's own code, each "return x" as: result = x; EXIT; return result;
 *   catch (Throwable thrown): EXIT; throw thrown;
 * </pre>
 *
 * and around each EXIT a handler of its own: whatever it throws, the method returns or throws what
 * it would have. (Only EXIT that throws in the method's stead has none around its code, {@link
 * AdviceMethod#throwsInstead}.)
 *
 * <p><b>Why so.</b> No local of the method is moved: ours lie behind its last one, so its code is
 * copied as it stands, and its stack map frames only grow at their ends. EXIT is repeated at every
 * return instead of being jumped to, because a compiler may leave values on the stack below what it
 * returns, and a jump would have to know them; for the same reason EXIT must not branch. An
 * exception handler has an empty stack whatever was there, and may pretend that all locals of the
 * method are undefined; so the frames that are ours need no analysis of its code. ENTER may branch:
 * before the method's first instruction everything is known.
 *
 * <p><b>Types.</b> What advice takes as another type than it has is cast, and what replaces an
 * argument or a result is cast, within the guard: an object that does not fit is as if advice had
 * thrown, never a VerifyError in the application's class.
 *
 * <p><b>Limits.</b> {@link AdviceClass} refuses advice that asks for what is not implemented. What
 * depends on the method is refused here with an exception, and the method stays as it is: no exit
 * and no skip in constructors, no primitive where an object is asked for, no class file older than
 * Java 5.
 */
final class Inliner extends MethodVisitor {
  private static final String THROWABLE = "java/lang/Throwable";
  private static final Type OBJECT = Type.getObjectType("java/lang/Object");
  private static final Object[] NOTHING = {};

  /** The class that is woven. */
  static final class Owner {
    final String name;
    final int version;

    /** Name to descriptor; to nothing for those that belong to the class. */
    final Map<String, String> fields = new LinkedHashMap<>();

    Owner(String name, int version) {
      this.name = name;
      this.version = version & 0xffff;
    }
  }

  private final Owner owner;
  private final boolean isStatic;
  private final boolean constructor;
  private final Type[] arguments;
  private final Type result;
  private final @Nullable AdviceMethod enter;
  private final @Nullable AdviceMethod exit;

  // our locals, behind the method's own
  private final int own;
  private final @Nullable Type stateType;
  private final int state;
  private final Map<String, Saved> saved = new LinkedHashMap<>();
  private final int returned;
  private final int thrown;
  private final int free;
  private final int locals;

  private final List<Label[]> guards = new ArrayList<>();
  private final List<Object[]> tryCatchBlocks = new ArrayList<>();
  private final Label body = new Label();
  private final Label returnFailed = new Label();
  private final Label throwFailed = new Label();
  private boolean returns;

  /** An argument, or the object itself, as it was before the method's own code. */
  private static final class Saved {
    final Type type;
    final int from;
    final int slot;

    Saved(Type type, int from, int slot) {
      this.type = type;
      this.from = from;
      this.slot = slot;
    }
  }

  /**
   * @param maxLocals of the method as it is
   */
  Inliner(
      MethodVisitor out,
      Owner owner,
      int access,
      String name,
      String descriptor,
      int maxLocals,
      AdviceClass advice) {
    super(Opcodes.ASM9, out);
    this.owner = owner;
    isStatic = (access & Opcodes.ACC_STATIC) != 0;
    constructor = name.equals("<init>");
    arguments = Type.getArgumentTypes(descriptor);
    result = Type.getReturnType(descriptor);
    enter = advice.enter();
    exit = advice.exit();
    check(owner.version >= Opcodes.V1_5, "the class file is older than Java 5");
    check(exit == null || !constructor, "exit advice in a constructor");
    own = maxLocals;
    int next = maxLocals;
    stateType = enter == null || enter.result == Type.VOID_TYPE ? null : enter.result;
    check(
        !constructor || enter == null || enter.typeIn("OnMethodEnter", "skipOn") == null,
        "a constructor is skipped");
    state = next;
    next += stateType == null ? 0 : 1;
    int most = enter == null ? 0 : enter.maxLocals;
    if (exit != null) {
      for (int i = 0; i < exit.parameters.length; i++) {
        AdviceMethod.Parameter p = exit.role(i);
        if (p.role.equals("This") || p.role.equals("Argument")) {
          Type type = p.role.equals("This") ? self() : argument(p.index());
          saved.put(key(p), new Saved(type, slot(p), next));
          next += type.getSize();
        }
      }
      most = Math.max(most, exit.maxLocals);
    }
    returned = next;
    next += result.getSize();
    thrown = next++;
    free = next;
    locals = free + most;
  }

  private static void check(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  private static boolean isObject(Type type) {
    return type.getSort() >= Type.ARRAY;
  }

  private Type self() {
    check(!isStatic && !constructor, "no object yet, or none");
    return Type.getObjectType(owner.name);
  }

  private Type argument(int index) {
    check(index < arguments.length, "no argument " + index);
    return arguments[index];
  }

  private static String key(AdviceMethod.Parameter p) {
    return p.role.equals("This") ? "this" : String.valueOf(p.index());
  }

  /** Where the method has the object itself or an argument. */
  private int slot(AdviceMethod.Parameter p) {
    return p.role.equals("This") ? 0 : slot(p.index());
  }

  private int slot(int argument) {
    int slot = isStatic ? 0 : 1;
    for (int i = 0; i < argument; i++) {
      slot += arguments[i].getSize();
    }
    return slot;
  }

  // ---- before the method's own code

  @Override
  public void visitCode() {
    mv.visitCode();
    if (enter != null) {
      enter(enter);
    }
    for (Saved s : saved.values()) {
      mv.visitVarInsn(s.type.getOpcode(Opcodes.ILOAD), s.from);
      mv.visitVarInsn(s.type.getOpcode(Opcodes.ISTORE), s.slot);
    }
    String skip = enter == null ? null : enter.typeIn("OnMethodEnter", "skipOn");
    if (skip != null) {
      Label goOn = new Label();
      mv.visitVarInsn(Opcodes.ALOAD, state);
      mv.visitTypeInsn(Opcodes.INSTANCEOF, skip);
      mv.visitJumpInsn(Opcodes.IFEQ, goOn);
      zero();
      visitInsn(result.getOpcode(Opcodes.IRETURN));
      mv.visitLabel(goOn);
      frame(before().state().saved(), NOTHING);
    }
    mv.visitLabel(body);
    if (enter != null) {
      mv.visitInsn(Opcodes.NOP); // the method may have a frame of its own at its first instruction
    }
  }

  private void enter(AdviceMethod enter) {
    Label begin = new Label();
    Label done = new Label();
    Label end = new Label();
    Label joined = new Label();
    Label notReplaced = new Label();
    Map<Integer, Integer> replaced = enter.replacedArguments();
    mv.visitTryCatchBlock(begin, replaced.isEmpty() ? end : done, end, THROWABLE);
    mv.visitLabel(begin);
    push(enter, false);
    enter.copy(
        new Copy() {
          @Override
          public void visitInsn(int opcode) {
            if (opcode >= Opcodes.IRETURN && opcode <= Opcodes.RETURN) {
              if (stateType != null) {
                mv.visitVarInsn(Opcodes.ASTORE, state);
              }
              mv.visitJumpInsn(Opcodes.GOTO, replaced.isEmpty() ? joined : done);
            } else {
              super.visitInsn(opcode);
            }
          }

          @Override
          public void visitFrame(int t, int n, Object[] types, int depth, Object[] stack) {
            frame(before().at(free).add(n, types), Arrays.copyOf(stack, depth));
          }
        });
    if (!replaced.isEmpty()) {
      mv.visitLabel(done);
      frame(before().state(), NOTHING);
      mv.visitTryCatchBlock(done, notReplaced, notReplaced, THROWABLE);
      replace(replaced, joined);
      mv.visitLabel(notReplaced);
      frame(before().state(), THROWABLE);
      mv.visitInsn(Opcodes.POP);
      mv.visitJumpInsn(Opcodes.GOTO, joined);
    }
    mv.visitLabel(end);
    frame(before(), THROWABLE);
    mv.visitInsn(Opcodes.POP);
    if (stateType != null) {
      mv.visitInsn(Opcodes.ACONST_NULL);
      mv.visitVarInsn(Opcodes.ASTORE, state);
    }
    mv.visitLabel(joined);
    frame(before().state(), NOTHING);
  }

  /** As Byte Buddy does: null replaces nothing. */
  private void replace(Map<Integer, Integer> replaced, Label joined) {
    mv.visitVarInsn(Opcodes.ALOAD, state);
    mv.visitJumpInsn(Opcodes.IFNULL, joined);
    for (Map.Entry<Integer, Integer> r : replaced.entrySet()) {
      Type type = argument(r.getKey());
      check(isObject(type), "a primitive argument is replaced");
      mv.visitVarInsn(Opcodes.ALOAD, state);
      if (r.getValue() >= 0) {
        mv.visitIntInsn(Opcodes.BIPUSH, r.getValue());
        mv.visitInsn(Opcodes.AALOAD);
      }
      mv.visitTypeInsn(Opcodes.CHECKCAST, type.getInternalName());
      mv.visitVarInsn(Opcodes.ASTORE, slot(r.getKey()));
    }
    mv.visitJumpInsn(Opcodes.GOTO, joined);
  }

  /** Puts what the advice asks for where its code, copied behind {@link #free}, expects it. */
  private void push(AdviceMethod advice, boolean afterThrow) {
    int to = free;
    for (int i = 0; i < advice.parameters.length; i++) {
      Type wanted = advice.parameters[i];
      Type is = load(advice, advice.role(i), afterThrow);
      if (isObject(wanted)) {
        check(isObject(is), "a primitive for an object");
        if (!wanted.equals(is) && !wanted.equals(OBJECT)) {
          mv.visitTypeInsn(Opcodes.CHECKCAST, wanted.getInternalName());
        }
      } else {
        check(wanted.equals(is), is.getClassName() + " for a " + wanted.getClassName());
      }
      mv.visitVarInsn(wanted.getOpcode(Opcodes.ISTORE), to);
      to += wanted.getSize();
    }
  }

  private Type load(AdviceMethod advice, AdviceMethod.Parameter p, boolean afterThrow) {
    switch (p.role) {
      case "Origin":
        mv.visitLdcInsn(Type.getObjectType(owner.name));
        return Type.getObjectType("java/lang/Class");
      case "This":
      case "Argument":
        Saved s = advice == exit ? saved.get(key(p)) : null;
        Type type = p.role.equals("This") ? self() : argument(p.index());
        mv.visitVarInsn(type.getOpcode(Opcodes.ILOAD), s == null ? slot(p) : s.slot);
        return type;
      case "FieldValue":
        String field = owner.fields.get(p.field());
        check(field != null && !field.isEmpty(), "no field " + p.field());
        self();
        mv.visitVarInsn(Opcodes.ALOAD, 0);
        mv.visitFieldInsn(Opcodes.GETFIELD, owner.name, p.field(), field);
        return Type.getType(field);
      case "Enter":
        mv.visitVarInsn(Opcodes.ALOAD, state);
        return Objects.requireNonNull(stateType);
      case "Return":
        check(isObject(result), "no object is returned");
        if (afterThrow) {
          mv.visitInsn(Opcodes.ACONST_NULL);
        } else {
          mv.visitVarInsn(Opcodes.ALOAD, returned);
        }
        return result;
      case "Thrown":
        if (afterThrow) {
          mv.visitVarInsn(Opcodes.ALOAD, thrown);
        } else {
          mv.visitInsn(Opcodes.ACONST_NULL);
        }
        return Type.getObjectType(THROWABLE);
      default:
        throw new IllegalArgumentException("advice asks for @" + p.role);
    }
  }

  /** What a method returns whose body has not run. */
  private void zero() {
    switch (result.getSort()) {
      case Type.VOID:
        return;
      case Type.LONG:
        mv.visitInsn(Opcodes.LCONST_0);
        return;
      case Type.FLOAT:
        mv.visitInsn(Opcodes.FCONST_0);
        return;
      case Type.DOUBLE:
        mv.visitInsn(Opcodes.DCONST_0);
        return;
      case Type.ARRAY:
      case Type.OBJECT:
        mv.visitInsn(Opcodes.ACONST_NULL);
        return;
      default:
        mv.visitInsn(Opcodes.ICONST_0);
    }
  }

  // ---- the method's own code, and after it

  @Override
  public void visitInsn(int opcode) {
    if (exit == null || opcode < Opcodes.IRETURN || opcode > Opcodes.RETURN) {
      mv.visitInsn(opcode);
      return;
    }
    returns = true;
    if (result != Type.VOID_TYPE) {
      mv.visitVarInsn(result.getOpcode(Opcodes.ISTORE), returned);
    }
    exit(exit, false);
    giveBack();
  }

  private void giveBack() {
    if (result != Type.VOID_TYPE) {
      mv.visitVarInsn(result.getOpcode(Opcodes.ILOAD), returned);
    }
    mv.visitInsn(result.getOpcode(Opcodes.IRETURN));
  }

  private void exit(AdviceMethod exit, boolean afterThrow) {
    Label begin = new Label();
    Label end = new Label();
    boolean guarded = !exit.throwsInstead();
    if (guarded || exit.replacesResult()) { // else there is nothing to guard
      guards.add(new Label[] {begin, end, afterThrow ? throwFailed : returnFailed});
    }
    if (guarded) {
      mv.visitLabel(begin);
    }
    push(exit, afterThrow);
    exit.copy(
        new Copy() {
          @Override
          public void visitInsn(int opcode) {
            if (opcode < Opcodes.IRETURN || opcode > Opcodes.RETURN) {
              super.visitInsn(opcode);
              return;
            }
            if (!guarded) {
              mv.visitLabel(begin);
            }
            if (exit.replacesResult() && !afterThrow) {
              check(isObject(result), "no object is returned that could be replaced");
              mv.visitVarInsn(Opcodes.ALOAD, returned);
              mv.visitMethodInsn(
                  Opcodes.INVOKESTATIC,
                  "io/weir/bootstrap/Bridge",
                  "orElse",
                  "(Ljava/lang/Object;Ljava/lang/Object;)Ljava/lang/Object;",
                  false);
              mv.visitTypeInsn(Opcodes.CHECKCAST, result.getInternalName());
              mv.visitVarInsn(Opcodes.ASTORE, returned);
            } else if (opcode != Opcodes.RETURN) {
              mv.visitInsn(exit.result.getSize() == 2 ? Opcodes.POP2 : Opcodes.POP);
            }
          }
        });
    mv.visitLabel(end);
  }

  @Override
  public void visitFrame(int type, int n, Object[] types, int depth, Object[] stack) {
    if (exit == null) {
      mv.visitFrame(type, n, types, depth, stack);
    } else {
      frame(new Locals().add(n, types).state().saved(), Arrays.copyOf(stack, depth));
    }
  }

  @Override
  public void visitTryCatchBlock(Label begin, Label end, Label handler, @Nullable String type) {
    // ours inside of the method's must come first in the table, and are not known yet
    tryCatchBlocks.add(new Object[] {begin, end, handler, type});
  }

  @Override
  public @Nullable AnnotationVisitor visitTryCatchAnnotation(
      int reference, @Nullable TypePath path, String descriptor, boolean visible) {
    return null; // counted by place in that table; nobody reads them at run time
  }

  @Override
  public void visitMaxs(int maxStack, int maxLocals) {
    Label end = new Label();
    Label caught = new Label();
    boolean catches = exit != null && exit.typeIn("OnMethodExit", "onThrowable") != null;
    mv.visitLabel(end);
    if (exit != null && catches) {
      mv.visitLabel(caught);
      frame(new Locals().state().saved(), THROWABLE);
      mv.visitVarInsn(Opcodes.ASTORE, thrown);
      exit(exit, true);
      mv.visitVarInsn(Opcodes.ALOAD, thrown);
      mv.visitInsn(Opcodes.ATHROW);
      mv.visitLabel(throwFailed);
      frame(new Locals().at(thrown).add(1, THROWABLE), THROWABLE);
      mv.visitInsn(Opcodes.POP);
      mv.visitVarInsn(Opcodes.ALOAD, thrown);
      mv.visitInsn(Opcodes.ATHROW);
    }
    if (returns) {
      mv.visitLabel(returnFailed);
      Locals after = new Locals();
      if (result != Type.VOID_TYPE) {
        after.at(returned).add(1, verified(result));
      }
      frame(after, THROWABLE);
      mv.visitInsn(Opcodes.POP);
      giveBack();
    }
    for (Label[] g : guards) {
      mv.visitTryCatchBlock(g[0], g[1], g[2], THROWABLE);
    }
    for (Object[] t : tryCatchBlocks) {
      mv.visitTryCatchBlock((Label) t[0], (Label) t[1], (Label) t[2], (String) t[3]);
    }
    if (catches) {
      mv.visitTryCatchBlock(body, end, caught, THROWABLE);
    }
    int ours = Math.max(depth(enter), depth(exit)); // on top of what may lie below a returned value
    mv.visitMaxs(maxStack + ours, locals);
  }

  /** Its own need, or that of what stands around it. */
  private static int depth(@Nullable AdviceMethod advice) {
    return advice == null ? 0 : Math.max(3, advice.maxStack + 2);
  }

  /** The code of an advice on its way into the method. */
  private class Copy extends MethodVisitor {
    Copy() {
      super(Opcodes.ASM9, Inliner.this.mv);
    }

    @Override
    public @Nullable AnnotationVisitor visitAnnotation(String descriptor, boolean visible) {
      return null;
    }

    @Override
    public void visitAnnotableParameterCount(int count, boolean visible) {}

    @Override
    public @Nullable AnnotationVisitor visitParameterAnnotation(
        int parameter, String descriptor, boolean visible) {
      return null;
    }

    @Override
    public @Nullable AnnotationVisitor visitTypeAnnotation(
        int reference, @Nullable TypePath path, String descriptor, boolean visible) {
      return null;
    }

    @Override
    public void visitCode() {}

    @Override
    public void visitVarInsn(int opcode, int slot) {
      mv.visitVarInsn(opcode, free + slot);
    }

    @Override
    public void visitIincInsn(int slot, int by) {
      mv.visitIincInsn(free + slot, by);
    }

    @Override
    public void visitMaxs(int maxStack, int maxLocals) {}

    @Override
    public void visitEnd() {}
  }

  // ---- stack map frames

  /** The locals of a frame, built from left to right. */
  private final class Locals {
    private final List<Object> types = new ArrayList<>();
    private int width;

    /** What lies between is undefined. */
    Locals at(int slot) {
      while (width < slot) {
        add(1, Opcodes.TOP);
      }
      return this;
    }

    Locals add(int n, Object... more) {
      for (int i = 0; i < n; i++) {
        types.add(more[i]);
        width += more[i] == Opcodes.LONG || more[i] == Opcodes.DOUBLE ? 2 : 1;
      }
      return this;
    }

    Locals state() {
      return stateType == null ? this : at(state).add(1, verified(stateType));
    }

    Locals saved() {
      for (Saved s : saved.values()) {
        at(s.slot).add(1, verified(s.type));
      }
      return this;
    }
  }

  /** As the method begins. */
  private Locals before() {
    Locals l = new Locals();
    if (!isStatic) {
      l.add(1, constructor ? Opcodes.UNINITIALIZED_THIS : owner.name);
    }
    for (Type t : arguments) {
      l.add(1, verified(t));
    }
    return l;
  }

  private void frame(Locals l, Object... stack) {
    if (owner.version >= Opcodes.V1_6) {
      mv.visitFrame(Opcodes.F_NEW, l.types.size(), l.types.toArray(), stack.length, stack);
    }
  }

  private static Object verified(Type type) {
    switch (type.getSort()) {
      case Type.LONG:
        return Opcodes.LONG;
      case Type.FLOAT:
        return Opcodes.FLOAT;
      case Type.DOUBLE:
        return Opcodes.DOUBLE;
      case Type.ARRAY:
      case Type.OBJECT:
        return type.getInternalName();
      default:
        return Opcodes.INTEGER;
    }
  }
}
