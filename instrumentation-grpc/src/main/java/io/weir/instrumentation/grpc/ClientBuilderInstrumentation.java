package io.weir.instrumentation.grpc;

import static net.bytebuddy.matcher.ElementMatchers.declaresField;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.instrumentation.WovenTypes;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.matcher.ElementMatchers;

/**
 * Weaves the builder of every channel: the channel gets an interceptor that asks the engine about
 * each call. A builder that is used again gets it once. The interceptor continues paced calls on
 * the channel's own executors, which {@code executorPool} gives.
 */
final class ClientBuilderInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "io.grpc.internal.ManagedChannelImplBuilder", // since 1.33
      "io.grpc.internal.AbstractManagedChannelImplBuilder", // before 1.33; later it only forwards
    };
  }

  @Override
  public ElementMatcher<TypeDescription> typeMatcher() {
    // Of the two, the one with the field builds the channel; weaving both would govern twice.
    return ElementMatchers.<TypeDescription>namedOneOf(typeNames())
        .and(declaresField(named("interceptors")));
  }

  @Override
  public void transform(TypeTransformer transformer) {
    transformer.applyAdviceToMethod(
        named("build").and(takesNoArguments()), getClass().getName() + "$BuildAdvice");
  }

  public static final class BuildAdvice {
    private BuildAdvice() {}

    @Advice.OnMethodEnter(suppress = Throwable.class)
    public static void enter(
        @Advice.Origin Class<?> origin,
        @Advice.This Object self,
        @Advice.FieldValue("interceptors") Object interceptors,
        @Advice.FieldValue("executorPool") Object executors) {
      Bridge.enter(
          Bridge.hook(GrpcModule.CLIENT_BUILD), origin, self, interceptors, executors, null);
    }
  }
}
