package jdkx;

import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import io.opentelemetry.javaagent.extension.instrumentation.TypeTransformer;
import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import net.bytebuddy.asm.Advice;

/**
 * Counts what two classes of the JDK do: one that is loaded late, and one of every JDK's archive.
 */
public final class JdkModule extends WeirModule {
  public JdkModule() {
    super("jdk-count");
  }

  @Override
  public String[] hooks() {
    return new String[] {"jdkx.JdkModule$ConnectionHook", "jdkx.JdkModule$UrlHook"};
  }

  @Override
  public List<? extends WovenTypes> wovenTypes() {
    return Arrays.asList(new Connection(), new Url());
  }

  static final class Connection implements WovenTypes {
    @Override
    public String[] typeNames() {
      return new String[] {"sun.net.www.protocol.http.HttpURLConnection"};
    }

    @Override
    public void transform(TypeTransformer transformer) {
      transformer.applyAdviceToMethod(
          named("getInputStream").and(takesNoArguments()), "jdkx.JdkModule$ConnectionAdvice");
    }
  }

  static final class Url implements WovenTypes {
    @Override
    public String[] typeNames() {
      return new String[] {"java.net.URL"};
    }

    @Override
    public void transform(TypeTransformer transformer) {
      transformer.applyAdviceToMethod(
          named("openConnection").and(takesNoArguments()), "jdkx.JdkModule$UrlAdvice");
    }
  }

  static final class ConnectionAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.enter(Bridge.hook("jdkx.JdkModule$ConnectionHook"), origin, self, null, null, null);
    }
  }

  static final class UrlAdvice {
    @Advice.OnMethodEnter(suppress = Throwable.class)
    static void enter(@Advice.Origin Class<?> origin, @Advice.This Object self) {
      Bridge.enter(Bridge.hook("jdkx.JdkModule$UrlHook"), origin, self, null, null, null);
    }
  }

  public static final class ConnectionHook extends Hook {
    private final AtomicInteger calls = new AtomicInteger();

    public ConnectionHook(Engine engine) {}

    @Override
    public Object enter(Object self, Object a0, Object a1, Object a2) {
      System.setProperty("counted.connection", "" + calls.incrementAndGet());
      return null;
    }
  }

  public static final class UrlHook extends Hook {
    private final AtomicInteger calls = new AtomicInteger();

    public UrlHook(Engine engine) {}

    @Override
    public Object enter(Object self, Object a0, Object a1, Object a2) {
      System.setProperty("counted.url", "" + calls.incrementAndGet());
      return null;
    }
  }
}
