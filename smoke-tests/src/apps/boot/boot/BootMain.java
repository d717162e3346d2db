package boot;

import java.io.IOException;
import java.util.Collections;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpSession;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseBody;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.servlet.view.InternalResourceView;
import org.springframework.web.servlet.View;

@SpringBootApplication(proxyBeanMethods = false)
@Controller
public class BootMain {
  public static void main(String[] args) {
    SpringApplication app = new SpringApplication(BootMain.class);
    String port =
        app.run(
                "--server.port=0",
                "--server.address=127.0.0.1",
                "--server.tomcat.threads.max=4",
                "--server.tomcat.threads.min-spare=4",
                "--server.tomcat.max-threads=4",
                "--spring.main.banner-mode=off",
                "--logging.level.root=ERROR")
            .getEnvironment()
            .getProperty("local.server.port");
    System.out.println("READY " + port);
  }

  /** For requests only, as a security filter may be. */
  @Bean
  public Filter once() {
    return new Filter() {
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
    };
  }

  @GetMapping("/plain")
  @ResponseBody
  public String plain(HttpServletRequest request) {
    return request.getDispatcherType() + "\n";
  }

  @GetMapping("/listened")
  @ResponseBody
  public String listened() {
    return "\n";
  }

  @GetMapping("/session")
  @ResponseBody
  public String session(HttpServletRequest request) {
    HttpSession session = request.getSession();
    Integer before = (Integer) session.getAttribute("n");
    int n = before == null ? 1 : before + 1;
    session.setAttribute("n", n);
    if ("end".equals(request.getQueryString())) {
      session.invalidate();
    }
    return "request " + n + "\n";
  }

  @GetMapping("/hello")
  @ResponseBody
  public String hello() {
    return "hello\n";
  }

  @GetMapping("/login")
  @ResponseBody
  public String login() {
    return "login by Spring\n";
  }

  @PostMapping("/echo")
  @ResponseBody
  public String echo(@RequestBody byte[] body) {
    return "read " + body.length + "\n";
  }

  @GetMapping("/async")
  @ResponseBody
  public Callable<String> async() {
    return () -> "async\n";
  }

  @GetMapping("/async-dispatch")
  public void asyncDispatch(HttpServletRequest request) {
    request.startAsync().dispatch("/hello");
  }

  @GetMapping("/forward")
  public View forward() {
    return new InternalResourceView("/hello");
  }

  @GetMapping("/include")
  public View include() {
    InternalResourceView view = new InternalResourceView("/hello");
    view.setAlwaysInclude(true);
    return view;
  }

  @GetMapping("/fail")
  public String fail() {
    throw new IllegalStateException("as asked");
  }

  @GetMapping("/send-error")
  public String sendError() {
    throw new ResponseStatusException(HttpStatus.SERVICE_UNAVAILABLE, "as asked");
  }

  @GetMapping("/attributes")
  @ResponseBody
  public String attributes(HttpServletRequest request) {
    return new TreeSet<>(Collections.list(request.getAttributeNames())) + "\n";
  }
}
