package io.weir.agent.weave;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import java.util.List;
import java.util.function.Function;
import net.bytebuddy.ByteBuddy;
import net.bytebuddy.agent.builder.AgentBuilder;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.dynamic.ClassFileLocator;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.dynamic.scaffold.InstrumentedType;
import net.bytebuddy.dynamic.scaffold.MethodGraph;
import net.bytebuddy.dynamic.scaffold.TypeValidation;
import net.bytebuddy.implementation.Implementation;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.pool.TypePool;
import org.jspecify.annotations.Nullable;

/**
 * Inlines advice into one class. The class's shape (members, interfaces) never changes, so that
 * classes loaded before us can be woven, too.
 *
 * <p>Advice classes are read as bytes from the isolated loader and never loaded.
 */
final class Weaver {
  private Weaver() {}

  static byte @Nullable [] weave(
      List<TypeInstrumentation> types,
      String name,
      byte[] classFile,
      @Nullable ClassLoader loader,
      ClassLoader isolated) {
    ClassFileLocator ours = ClassFileLocator.ForClassLoader.WeaklyReferenced.of(isolated);
    ClassFileLocator locator =
        new ClassFileLocator.Compound(
            ClassFileLocator.Simple.of(name, classFile),
            ClassFileLocator.ForClassLoader.WeaklyReferenced.of(loader),
            ours);
    TypePool pool =
        new TypePool.Default.WithLazyResolution(
            new TypePool.CacheProvider.Simple(), locator, TypePool.Default.ReaderMode.FAST);
    TypeDescription type = pool.describe(name).resolve();
    DynamicType.Builder<?> builder =
        new ByteBuddy()
            .with(TypeValidation.DISABLED)
            .with(MethodGraph.Compiler.ForDeclaredMethods.INSTANCE)
            .with(InstrumentedType.Factory.Default.FROZEN)
            .with(Implementation.Context.Disabled.Factory.INSTANCE)
            .decorate(type, locator);
    Collector collector = new Collector(builder, pool, locator);
    boolean any = false;
    for (TypeInstrumentation t : types) {
      if (t.typeMatcher().matches(type)) {
        any = true;
        t.transform(collector);
      }
    }
    return any ? collector.builder.make().getBytes() : null;
  }

  private static final class Collector implements TypeTransformer {
    private final TypePool pool;
    private final ClassFileLocator locator;
    private DynamicType.Builder<?> builder;

    Collector(DynamicType.Builder<?> builder, TypePool pool, ClassFileLocator locator) {
      this.builder = builder;
      this.pool = pool;
      this.locator = locator;
    }

    @Override
    public void applyAdviceToMethod(
        ElementMatcher<? super MethodDescription> methods, String advice) {
      apply(methods, Advice.withCustomMapping(), advice);
    }

    @Override
    public void applyAdviceToMethod(
        ElementMatcher<? super MethodDescription> methods,
        Function<Advice.WithCustomMapping, Advice.WithCustomMapping> mapping,
        String advice) {
      apply(methods, mapping.apply(Advice.withCustomMapping()), advice);
    }

    private void apply(
        ElementMatcher<? super MethodDescription> methods,
        Advice.WithCustomMapping mapping,
        String advice) {
      builder =
          builder.visit(
              mapping
                  .with(new Advice.AssignReturned.Factory().withSuppressed(Throwable.class))
                  .to(pool.describe(advice).resolve(), locator)
                  .on(methods));
    }

    @Override
    public void applyTransformer(AgentBuilder.Transformer transformer) {
      throw new UnsupportedOperationException("advice only: " + transformer);
    }
  }
}
