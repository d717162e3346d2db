package site;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.EnumSet;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import javax.servlet.AsyncContext;
import javax.servlet.DispatcherType;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.FilterRegistration;
import javax.servlet.ServletContext;
import javax.servlet.ServletException;
import javax.servlet.ServletRegistration;
import javax.servlet.ServletRequest;
import javax.servlet.ServletRequestEvent;
import javax.servlet.ServletRequestListener;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpSession;

/** A web application that uses each kind of dispatch; it knows nothing of Weir. */
public final class Site {
  private Site() {}

  /** @param filter whether a filter stands before everything */
  public static void install(ServletContext context, boolean filter) {
    servlet(context, new Hello(), "/hello");
    servlet(context, new Echo(), "/echo");
    servlet(context, new Async(), "/async");
    servlet(context, new AsyncDispatch(), "/async-dispatch");
    servlet(context, new Forward(), "/forward");
    servlet(context, new Include(), "/include");
    servlet(context, new Fail(), "/fail");
    servlet(context, new SendError(), "/send-error");
    servlet(context, new Attributes(), "/attributes");
    servlet(context, new ErrorPage(), "/error-page");
    servlet(context, new Session(), "/session");
    servlet(context, new Listened(), "/listened");
    ServletRegistration.Dynamic plain = context.addServlet("Plain", new Plain());
    plain.addMapping("/plain"); // knows nothing of asynchronous processing
    context.addListener(new Listener());
    servlet(context, new AsyncFail(), "/async-fail");
    servlet(context, new Endless(), "/endless");
    servlet(context, new Login(), "/login");
    servlet(context, new Health(), "/healthz");
    servlet(context, new Events(), "/events");
    servlet(context, new LongPoll(), "/long-poll");
    servlet(context, new Served(), "/served");
    servlet(context, new Framework(), "/");
    if (filter) {
      FilterRegistration.Dynamic once = context.addFilter("once", new Once());
      once.setAsyncSupported(true);
      once.addMappingForUrlPatterns(EnumSet.of(DispatcherType.REQUEST), false, "/*");
      FilterRegistration.Dynamic f = context.addFilter("through", new Through());
      f.setAsyncSupported(true);
      f.addMappingForUrlPatterns(EnumSet.allOf(DispatcherType.class), false, "/*");
    }
  }

  /**
   * What an application has beyond the common: a class of this name, where the class path has it,
   * is given the server's parts and gives back what else is to be done or known.
   */
  @SuppressWarnings("unchecked")
  public static Object more(String name, Object... parts) throws Exception {
    Class<?> more;
    try {
      more = Class.forName(name);
    } catch (ClassNotFoundException none) {
      return null;
    }
    return ((Function<Object[], Object>) more.getConstructor().newInstance()).apply(parts);
  }

  private static void servlet(ServletContext context, HttpServlet servlet, String path) {
    ServletRegistration.Dynamic s = context.addServlet(servlet.getClass().getSimpleName(), servlet);
    s.setAsyncSupported(true);
    s.addMapping(path);
  }

  static void say(ServletResponse response, String text) throws IOException {
    response.setContentType("text/plain;charset=UTF-8");
    response.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
  }

  public static final class Through implements Filter {
    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      chain.doFilter(request, response);
    }

    @Override
    public void destroy() {}
  }

  /** Runs for requests only, as a security filter may, and tells how often it did. */
  public static final class Once implements Filter {
    @Override
    public void init(FilterConfig config) {}

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
        throws IOException, ServletException {
      ((HttpServletResponse) response)
          .addHeader("X-Once", request.getDispatcherType() + " " + request.isAsyncStarted());
      chain.doFilter(request, response);
    }

    @Override
    public void destroy() {}
  }

  /** Requests that have come and not gone. */
  public static final class Listener implements ServletRequestListener {
    static final AtomicInteger UNDER_WAY = new AtomicInteger();

    @Override
    public void requestInitialized(ServletRequestEvent event) {
      UNDER_WAY.incrementAndGet();
    }

    @Override
    public void requestDestroyed(ServletRequestEvent event) {
      UNDER_WAY.decrementAndGet();
    }
  }

  public static final class Listened extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, Listener.UNDER_WAY + " under way\n");
    }
  }

  public static final class Plain extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, request.getDispatcherType() + " async " + request.isAsyncSupported() + "\n");
    }
  }

  /** Counts its requests; {@code ?end} ends the session. */
  public static final class Session extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      HttpSession session = request.getSession();
      Integer before = (Integer) session.getAttribute("n");
      int n = before == null ? 1 : before + 1;
      session.setAttribute("n", n);
      if ("end".equals(request.getQueryString())) {
        session.invalidate();
      }
      say(response, "request " + n + "\n");
    }
  }

  public static final class Hello extends HttpServlet {
    static final AtomicInteger SERVED = new AtomicInteger();

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      SERVED.incrementAndGet();
      say(response, "hello\n");
    }
  }

  /** How often hello was said. */
  public static final class Served extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, Hello.SERVED + "\n");
    }
  }

  public static final class Echo extends HttpServlet {
    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      byte[] buffer = new byte[8192];
      long n = 0;
      for (int r; (r = request.getInputStream().read(buffer)) > 0; ) {
        n += r;
      }
      say(response, "read " + n + "\n");
    }
  }

  public static final class Async extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      AsyncContext async = request.startAsync();
      async.start(
          () -> {
            try {
              say(async.getResponse(), "async\n");
            } catch (IOException e) {
              throw new IllegalStateException(e);
            } finally {
              async.complete();
            }
          });
    }
  }

  public static final class AsyncDispatch extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      request.startAsync().dispatch("/hello");
    }
  }

  public static final class Forward extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      request.getRequestDispatcher("/hello").forward(request, response);
    }
  }

  public static final class Include extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws ServletException, IOException {
      say(response, "before\n");
      request.getRequestDispatcher("/hello").include(request, response);
      say(response, "after\n");
    }
  }

  public static final class Fail extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      throw new IllegalStateException("as asked");
    }
  }

  public static final class SendError extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.sendError(503, "as asked");
    }
  }

  public static final class ErrorPage extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, "error page for " + request.getAttribute("javax.servlet.error.status_code"));
    }
  }

  public static final class Attributes extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, new TreeSet<>(Collections.list(request.getAttributeNames())) + "\n");
    }
  }

  public static final class AsyncFail extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      AsyncContext async = request.startAsync();
      async.start(
          () -> {
            response.setStatus(500);
            async.complete();
          });
    }
  }

  /** Writes until its caller has gone away. */
  public static final class Endless extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      while (true) {
        say(response, "and again\n");
        response.flushBuffer();
      }
    }
  }

  public static final class Health extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, "healthy\n");
    }
  }

  private static final ScheduledExecutorService LATER =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "later");
            t.setDaemon(true);
            return t;
          });

  /** Server-sent events for as many milliseconds as the query says. */
  public static final class Events extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.setContentType("text/event-stream");
      response.getOutputStream().write("data: begun\n\n".getBytes(StandardCharsets.UTF_8));
      response.flushBuffer();
      LATER.schedule(
          request.startAsync()::complete,
          Long.parseLong(request.getQueryString()),
          TimeUnit.MILLISECONDS);
    }
  }

  /** Answers after as many milliseconds as the query says. */
  public static final class LongPoll extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
      LATER.schedule(
          request.startAsync()::complete,
          Long.parseLong(request.getQueryString()),
          TimeUnit.MILLISECONDS);
    }
  }

  /** What the container's own mapping finds. */
  public static final class Login extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      say(response, "login by the container\n");
    }
  }

  /** Stands for all frameworks that look for a handler themselves, each in its own way. */
  public static final class Framework extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      String info = request.getPathInfo();
      String mapped = request.getServletPath() + (info == null ? "" : info);
      String uri = request.getRequestURI().replaceAll(";[^/]*", "");
      String decoded = URLDecoder.decode(uri.replace("+", "%2B"), "UTF-8");
      String[] found = {
        mapped,
        mapped.replaceAll(";[^/]*", ""),
        uri,
        decoded, // an encoded slash is a slash
        segments(uri), // an encoded slash is none
        decoded.replace('\\', '/'),
      };
      for (int i = 0; i < found.length; i++) {
        String path = found[i].replaceAll("/+", "/");
        if (path.equals("/login") || path.equals("/login/")) {
          say(response, "login by way " + i + "\n");
          return;
        }
      }
      response.setStatus(404);
      say(response, "nobody\n");
    }

    private static String segments(String uri) throws IOException {
      StringBuilder path = new StringBuilder();
      for (String segment : uri.split("/")) {
        String s = URLDecoder.decode(segment.replace("+", "%2B"), "UTF-8");
        path.append('/').append(s.replace('/', '?'));
      }
      return path.toString();
    }
  }
}
