package com.example.shop;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/**
 * The payment service: answers with its version and where it stands, and with the header {@code
 * X-Rule}, so that a call tells which routing rule decided it. {@code /break} and {@code /mend}
 * make it fail and work again, an order of {@code poison} is answered 500; {@code /count} tells its
 * calls. Plain Java 8: the benchmarks run it on every JDK.
 */
public final class Payment extends HttpServlet {
  private static final long serialVersionUID = 1;
  private final String name;
  private final AtomicLong calls = new AtomicLong();
  private volatile boolean broken;

  private Payment(String name) {
    this.name = name;
  }

  public static void main(String[] args) throws Exception {
    Server.run(new Payment(args[1] + " in " + args[2]), Integer.parseInt(args[0]));
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    String path = request.getRequestURI();
    if (path.equals("/break")) {
      broken = true;
    } else if (path.equals("/mend")) {
      broken = false;
    } else if (path.equals("/healthz")) {
      response.getWriter().print("ok");
      return;
    } else if (!path.equals("/count")) {
      pay(request, response);
      return;
    }
    response.getWriter().print(calls.get());
  }

  private void pay(HttpServletRequest request, HttpServletResponse response) throws IOException {
    calls.incrementAndGet();
    if (broken) {
      response.sendError(503, "the bank does not answer");
    } else if ("poison".equals(request.getParameter("order"))) {
      response.sendError(500, "no such thing");
    } else {
      String rule = request.getHeader("X-Rule");
      response
          .getWriter()
          .print("paid by payment " + name + (rule == null ? "" : " by rule " + rule));
    }
  }
}
