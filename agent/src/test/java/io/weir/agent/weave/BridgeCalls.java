package io.weir.agent.weave;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Skip;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;

/**
 * What woven methods asked {@link RecordingBridge}, what it answers, and what they are given.
 * Public is what is called from another loader.
 */
public final class BridgeCalls {
  /** What an adapter might answer. */
  enum Answer {
    NOTHING,
    SKIP,
    MISFIT,
    ARRAY,
    FIT,
    THROW
  }

  private static final List<String> LOG = new ArrayList<>();
  private static final Map<Object, String> KNOWN = new IdentityHashMap<>();

  private static Answer atEnter = Answer.NOTHING;
  private static Answer atExit = Answer.NOTHING;
  private static Object fit;

  private BridgeCalls() {}

  static void begin(Answer enter, Answer exit, Object fitting) {
    LOG.clear();
    KNOWN.clear();
    atEnter = enter;
    atExit = exit;
    fit = fitting;
    known(fitting, "fit");
  }

  static void known(Object object, String as) {
    if (object != null) {
      KNOWN.putIfAbsent(object, as);
    }
  }

  static List<String> log() {
    return new ArrayList<>(LOG);
  }

  static String say(Object o) {
    if (o == null || o instanceof Number || o instanceof String || o instanceof Boolean) {
      return String.valueOf(o);
    }
    if (o instanceof Object[] all) {
      return "array of " + all.length;
    }
    return KNOWN.containsKey(o) ? KNOWN.get(o) : "a " + o.getClass().getName();
  }

  public static int number(String hook) {
    return Bridge.hook(hook);
  }

  public static Object enter(String method, Object... arguments) {
    log(method, arguments);
    return answer(atEnter, null);
  }

  public static Object exit(String method, Object result, Object... arguments) {
    log(method, arguments);
    return answer(atExit, result);
  }

  private static Object answer(Answer answer, Object otherwise) {
    switch (answer) {
      case SKIP:
        return Skip.SKIP;
      case MISFIT:
        return new StringBuilder();
      case ARRAY:
        return new Object[3];
      case FIT:
        return fit;
      case THROW:
        throw new IllegalStateException("adapter");
      default:
        return otherwise;
    }
  }

  private static void log(String what, Object... arguments) {
    StringBuilder b = new StringBuilder(what);
    for (Object a : arguments) {
      b.append(' ').append(say(a));
    }
    LOG.add(b.toString());
  }

  /** Called by the body that stands in a woven method's place, for each of its objects. */
  public static void body(Object argument) {
    log("body", argument);
  }

  /** What such a body returns. */
  public static Object result(Class<?> type) {
    Object o = make(type);
    known(o, "result");
    return o;
  }

  /** What such a body throws. */
  public static RuntimeException failure() {
    return new IllegalArgumentException("body");
  }

  /** Some object of a type, made without running any code of it; null where there is none. */
  static Object make(Class<?> type) {
    if (type.isPrimitive()) {
      return type == boolean.class
          ? (Object) false
          : type == long.class
              ? (Object) 0L
              : type == float.class ? (Object) 0f : type == double.class ? (Object) 0d : 0;
    }
    if (type == String.class) {
      return "text";
    }
    if (type.isArray()) {
      return java.lang.reflect.Array.newInstance(type.getComponentType(), 1);
    }
    try {
      if (type.isInterface()) {
        return Proxy.newProxyInstance(
            type.getClassLoader() == null
                ? BridgeCalls.class.getClassLoader()
                : type.getClassLoader(),
            new Class<?>[] {type},
            (p, m, a) -> m.getReturnType().isPrimitive() ? answerOf(m.getReturnType()) : null);
      }
      Class<?> concrete = Modifier.isAbstract(type.getModifiers()) ? subclass(type) : type;
      return unsafe().allocateInstance(concrete);
    } catch (Throwable none) {
      return null;
    }
  }

  private static Object answerOf(Class<?> primitive) {
    return primitive == void.class ? null : make(primitive);
  }

  private static Class<?> subclass(Class<?> type) throws Exception {
    ClassWriter w = new ClassWriter(0);
    String name =
        type.getClassLoader() == null
            ? "driven/" + type.getSimpleName()
            : Type.getInternalName(type) + "$Driven";
    w.visit(Opcodes.V1_8, Opcodes.ACC_PUBLIC, name, null, Type.getInternalName(type), null);
    w.visitEnd();
    byte[] b = w.toByteArray();
    if (type.getClassLoader() instanceof RowLoader row) {
      return row.define(name.replace('/', '.'), b);
    }
    return new ClassLoader(BridgeCalls.class.getClassLoader()) {
      Class<?> define() {
        return defineClass(null, b, 0, b.length);
      }
    }.define();
  }

  private static sun.misc.Unsafe unsafe() throws ReflectiveOperationException {
    var f = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
    f.setAccessible(true);
    return (sun.misc.Unsafe) f.get(null);
  }
}
