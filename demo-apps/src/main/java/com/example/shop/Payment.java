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
 * calls.
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
    switch (request.getRequestURI()) {
      case "/break" -> broken = true;
      case "/mend" -> broken = false;
      case "/count" -> {}
      case "/healthz" -> {
        response.getWriter().print("ok");
        return;
      }
      default -> {
        calls.incrementAndGet();
        if (broken) {
          response.sendError(503, "the bank does not answer");
          return;
        }
        if ("poison".equals(request.getParameter("order"))) {
          response.sendError(500, "no such thing");
          return;
        }
        String rule = request.getHeader("X-Rule");
        response
            .getWriter()
            .print("paid by payment " + name + (rule == null ? "" : " by rule " + rule));
        return;
      }
    }
    response.getWriter().print(calls.get());
  }
}
