package io.weir.benchmarks.servlet;

import io.weir.bootstrap.Bridge;
import io.weir.bootstrap.Hook;
import io.weir.bootstrap.HookSource;
import io.weir.bootstrap.Skip;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import io.weir.engine.match.MatchParser;
import io.weir.engine.rules.RateLimitRule;
import io.weir.engine.rules.RuleBook;
import io.weir.instrumentation.servlet.adapter.javax.ServletHook;
import java.lang.reflect.Proxy;
import java.util.concurrent.TimeUnit;
import javax.servlet.DispatcherType;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletRequestWrapper;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpServletResponseWrapper;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.Blackhole;

/**
 * A woven place of a servlet container, as the advice leaves it, around a body that does nothing:
 * bridge, adapter and engine, without a container. The same with three woven places one in the
 * other, which is what a request to Tomcat meets.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PlaceBenchmark {
  private static final int HOOK = Bridge.add(ServletHook.class.getName());

  /** How many limits govern the service; the second one is about a path. */
  @Param({"0", "1", "2"})
  public int rules;

  private final Request request = new Request();
  private final HttpServletResponse response = new Response();

  private static final class Request extends HttpServletRequestWrapper {
    private Object mark;

    Request() {
      super(nothing(HttpServletRequest.class));
    }

    @Override
    public Object getAttribute(String name) {
      return mark;
    }

    @Override
    public void setAttribute(String name, Object value) {
      mark = value;
    }

    @Override
    public DispatcherType getDispatcherType() {
      return DispatcherType.REQUEST;
    }

    @Override
    public String getMethod() {
      return "GET";
    }

    @Override
    public String getRequestURI() {
      return "/shop/api/orders/4711";
    }

    @Override
    public String getContextPath() {
      return "/shop";
    }

    @Override
    public String getServletPath() {
      return "/api";
    }

    @Override
    public String getPathInfo() {
      return "/orders/4711";
    }

    @Override
    public boolean isAsyncStarted() {
      return false;
    }

    @Override
    public String getHeader(String name) {
      return null;
    }
  }

  private static final class Response extends HttpServletResponseWrapper {
    Response() {
      super(nothing(HttpServletResponse.class));
    }

    @Override
    public int getStatus() {
      return 200;
    }
  }

  private static <T> T nothing(Class<T> type) {
    return type.cast(
        Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (p, m, a) -> null));
  }

  @Setup
  public void setUp() {
    Engine engine = new Engine(EngineOptions.of("shop", Ticker.SYSTEM));
    RuleBook.Builder book = new RuleBook.Builder();
    if (rules > 0) {
      book.add(RateLimitRule.builder().service("shop").qps(5e8).burst(500_000_000).build());
    }
    if (rules > 1) {
      book.add(
          RateLimitRule.builder()
              .service("shop")
              .id("orders")
              .qps(5e8)
              .burst(500_000_000)
              .match(MatchParser.parse("path startsWith '/shop/api/'"))
              .build());
    }
    engine.apply(book.build());
    Hook hook = new ServletHook(engine, null);
    boolean ours =
        Bridge.claim(
            new HookSource() {
              @Override
              public Hook find(String name, Class<?> origin) {
                return hook;
              }

              @Override
              public void failedOpen(Throwable cause) {
                throw new IllegalStateException(cause);
              }
            });
    if (!ours) {
      throw new IllegalStateException("one JVM for each set of rules");
    }
  }

  @Benchmark
  public void bare(Blackhole body) {
    body.consume(request);
  }

  @Benchmark
  public void woven(Blackhole body) {
    request.mark = null;
    Object state = Bridge.enter(HOOK, getClass(), this, request, response, null);
    if (!(state instanceof Skip)) {
      body.consume(request);
    }
    Bridge.leave(HOOK, getClass(), state, this, null, null);
  }

  @Benchmark
  public void threeDeep(Blackhole body) {
    request.mark = null;
    deep(3, body);
  }

  private void deep(int places, Blackhole body) {
    Object state = Bridge.enter(HOOK, getClass(), this, request, response, null);
    if (places > 1) {
      deep(places - 1, body);
    } else if (!(state instanceof Skip)) {
      body.consume(request);
    }
    Bridge.leave(HOOK, getClass(), state, this, null, null);
  }
}
