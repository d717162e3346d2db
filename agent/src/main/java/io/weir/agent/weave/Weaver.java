package io.weir.agent.weave;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.agent.weave.match.Element;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.FieldVisitor;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.matcher.ElementMatcher;
import org.jspecify.annotations.Nullable;

/**
 * Inlines advice into one class. The class's shape (members, interfaces) never changes, so that
 * classes loaded before us can be woven, too.
 *
 * <p>Instrumentations are written for Byte Buddy, whose weaver takes seven hundred classes; of it
 * only the copy of ASM is in weir.jar. Its matchers are replaced when the jar is made ({@link
 * io.weir.agent.weave.match}), and its advice is read as a class file, annotations and code, by
 * {@link Inliner}.
 */
final class Weaver {
  private Weaver() {}

  /**
   * Reads all advice of an instrumentation, wherever it may be put.
   *
   * @throws IllegalArgumentException advice that cannot be inlined anywhere, or names another hook;
   *     the message says which and why
   * @throws IOException advice is missing in the jar
   */
  static void check(TypeInstrumentation type, Collection<String> hooks) throws IOException {
    Collector advice = new Collector();
    advice.add(type);
    for (String name : advice.byMatcher.values()) {
      for (String hook : AdviceClass.read(name, advice.loader(name)).hooks()) {
        if (!hooks.contains(hook)) {
          throw new IllegalArgumentException(name + ": its module does not have the hook " + hook);
        }
      }
    }
  }

  /**
   * @return null when no instrumentation wants this class
   * @throws IOException advice is missing in the jar
   * @throws RuntimeException advice that cannot be inlined here
   */
  static byte @Nullable [] weave(
      List<? extends TypeInstrumentation> types, String name, byte[] classFile) throws IOException {
    ClassReader reader = new ClassReader(classFile);
    Inliner.Owner owner = new Inliner.Owner(reader.getClassName(), reader.readShort(6));
    reader.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public @Nullable FieldVisitor visitField(
              int access, String field, String descriptor, String signature, Object value) {
            owner.fields.put(field, (access & Opcodes.ACC_STATIC) == 0 ? descriptor : "");
            return null;
          }
        },
        ClassReader.SKIP_CODE | ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    Element type = Element.type(name, owner.fields.keySet());
    Collector advice = new Collector();
    for (TypeInstrumentation t : types) {
      if (matches(t.typeMatcher(), type)) {
        advice.add(t);
      }
    }
    if (advice.byMatcher.isEmpty()) {
      return null;
    }
    return weave(reader, owner, advice);
  }

  private static byte @Nullable [] weave(ClassReader reader, Inliner.Owner owner, Collector advice)
      throws IOException {
    Map<String, AdviceClass> chosen = new HashMap<>();
    Map<String, Integer> maxLocals = new HashMap<>();
    reader.accept(
        new ClassVisitor(Opcodes.ASM9) {
          @Override
          public @Nullable MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            // as Byte Buddy does: a bridge calls the method that it stands for, which is woven
            boolean synthetic = (access & Opcodes.ACC_SYNTHETIC) != 0;
            AdviceClass a = synthetic ? null : advice.of(Element.method(access, name, descriptor));
            if (a == null) {
              return null;
            }
            return new MethodVisitor(Opcodes.ASM9) {
              @Override
              public void visitMaxs(int stack, int locals) { // not abstract, not native
                chosen.put(name + descriptor, a);
                maxLocals.put(name + descriptor, locals);
              }
            };
          }
        },
        ClassReader.SKIP_DEBUG | ClassReader.SKIP_FRAMES);
    if (chosen.isEmpty()) {
      return null;
    }
    ClassWriter writer = new ClassWriter(reader, 0);
    reader.accept(
        new ClassVisitor(Opcodes.ASM9, writer) {
          @Override
          public MethodVisitor visitMethod(
              int access, String name, String descriptor, String signature, String[] thrown) {
            MethodVisitor out = super.visitMethod(access, name, descriptor, signature, thrown);
            AdviceClass a = chosen.get(name + descriptor);
            return a == null
                ? out
                : new Inliner(
                    out,
                    owner,
                    access,
                    name,
                    descriptor,
                    Objects.requireNonNull(maxLocals.get(name + descriptor)),
                    a);
          }
        },
        ClassReader.EXPAND_FRAMES);
    return writer.toByteArray();
  }

  /** Byte Buddy's matcher where this is compiled, ours in the jar. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private static boolean matches(ElementMatcher matcher, Element element) {
    return matcher.matches(element);
  }

  private static final class Collector implements TypeTransformer {
    private final Map<ElementMatcher<?>, String> byMatcher = new HashMap<>();
    private final Map<String, ClassLoader> loaders = new HashMap<>();
    private final Map<String, AdviceClass> read = new HashMap<>();
    private @Nullable ClassLoader current;

    /** Advice is read where its instrumentation comes from. */
    void add(TypeInstrumentation type) {
      current = type.getClass().getClassLoader();
      type.transform(this);
    }

    ClassLoader loader(String advice) {
      return Objects.requireNonNull(loaders.get(advice));
    }

    @Nullable AdviceClass of(Element method) {
      String found = null;
      for (Map.Entry<ElementMatcher<?>, String> e : byMatcher.entrySet()) {
        if (matches(e.getKey(), method)) {
          if (found != null) {
            throw new IllegalArgumentException(found + " and " + e.getValue() + " in one method");
          }
          found = e.getValue();
        }
      }
      try {
        if (found != null && !read.containsKey(found)) {
          read.put(found, AdviceClass.read(found, loader(found)));
        }
      } catch (IOException damaged) {
        throw new java.io.UncheckedIOException(damaged);
      }
      return found == null ? null : read.get(found);
    }

    @Override
    public void applyAdviceToMethod(
        ElementMatcher<? super MethodDescription> methods, String advice) {
      byMatcher.put(methods, advice);
      loaders.put(advice, Objects.requireNonNull(current));
    }

    @Override
    public void applyAdviceToMethod(
        ElementMatcher<? super MethodDescription> methods,
        Function<Advice.WithCustomMapping, Advice.WithCustomMapping> mapping,
        String advice) {
      throw new UnsupportedOperationException("no mappings: " + advice);
    }

    @Override
    public void applyTransformer(AgentBuilder.Transformer transformer) {
      throw new UnsupportedOperationException("advice only: " + transformer);
    }
  }
}
