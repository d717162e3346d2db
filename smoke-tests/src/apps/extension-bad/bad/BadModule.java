package bad;

import static net.bytebuddy.matcher.ElementMatchers.*;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Collections;
import java.util.List;
import net.bytebuddy.asm.Advice;

/** Good as it stands; each test of a bad one replaces a line. */
public final class BadModule extends WeirModule {
  public BadModule() {
    super("bad");
    // constructor
  }

  @Override
  public String[] hooks() {
    // hooks
    return new String[] {"bad.BadModule$BadHook"};
  }

  @Override
  public List<? extends WovenTypes> wovenTypes() {
    return Collections.singletonList(new Types());
  }

  static final class Types implements WovenTypes {
    @Override
    public String[] typeNames() {
      return new String[] {"org.example.parley.Reply"};
    }

    @Override
    public void transform(TypeTransformer transformer) {
      transformer.applyAdviceToMethod(named("text"), "bad.BadModule$TextAdvice");
    }
  }

  static final class TextAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.enter(Bridge.hook("bad.BadModule$BadHook"), origin, self, null, null, null);
    }
  }

  public static final class BadHook extends Hook {
    public BadHook(Engine engine) {}
  }
}
