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

/** Every channel is built here: the gate joins its interceptors. */
final class ClientBuilderInstrumentation implements WovenTypes {
  @Override
  public String[] typeNames() {
    return new String[] {
      "io.grpc.internal.ManagedChannelImplBuilder", // since 1.33
      "io.grpc.internal.AbstractManagedChannelImplBuilder", // before; afterwards it only forwards
    };
  }

  @Override
  public ElementMatcher<TypeDescription> typeMatcher() {
    // the one of the two that owns the list builds the channel; weaving both would govern twice
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
