package boot;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.servlet.AsyncContext;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.springframework.boot.web.servlet.ServletContextInitializer;
import org.springframework.context.annotation.Bean;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ResponseBody;
import org.springframework.web.filter.OncePerRequestFilter;
import site.Wars;

/** What the contract asks beyond the common. */
@Controller
public class More {
  static final AtomicInteger SERVED = new AtomicInteger();

  @Bean
  public ServletContextInitializer wars() {
    return Wars::install;
  }

  @Bean
  public OncePerRequestFilter served() {
    return new OncePerRequestFilter() {
      @Override
      protected void doFilterInternal(
          HttpServletRequest request,
          HttpServletResponse response,
          javax.servlet.FilterChain chain)
          throws IOException, javax.servlet.ServletException {
        if (request.getRequestURI().equals("/hello")) {
          SERVED.incrementAndGet();
        }
        chain.doFilter(request, response);
      }
    };
  }

  @GetMapping("/served")
  @ResponseBody
  public String told() {
    return SERVED + "\n";
  }

  @GetMapping("/healthz")
  @ResponseBody
  public String healthy() {
    return "healthy\n";
  }

  @GetMapping("/async-fail")
  public void asyncFail(HttpServletRequest request, HttpServletResponse response) {
    AsyncContext async = request.startAsync();
    async.start(
        () -> {
          response.setStatus(500);
          async.complete();
        });
  }

  /** Writes until its caller has gone away. */
  @GetMapping("/endless")
  public void endless(HttpServletResponse response) throws IOException {
    while (true) {
      response.getOutputStream().write("and again\n".getBytes());
      response.flushBuffer();
    }
  }
}
