package com.example.shop;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * The shop's front end: an order reserves stock by gRPC and pays by HTTP, at addresses somebody
 * wired in years ago.
 */
public final class FrontEnd extends HttpServlet {
  private static final long serialVersionUID = 1;
  private final transient OkHttpClient http = new OkHttpClient();
  private final transient Channel stock;
  private final String payment;

  private FrontEnd(String payment, String stock) {
    this.payment = payment;
    this.stock = NettyChannelBuilder.forTarget(stock).usePlaintext().build();
  }

  public static void main(String[] args) throws Exception {
    Server.run(new FrontEnd(args[1], args[2]), Integer.parseInt(args[0]));
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    if (!request.getRequestURI().startsWith("/order")) {
      response.getWriter().print("ok");
      return;
    }
    String reserved;
    try {
      reserved =
          ClientCalls.blockingUnaryCall(
              stock, Stock.RESERVE, CallOptions.DEFAULT, request.getParameter("item"));
    } catch (StatusRuntimeException e) {
      response.setStatus(502);
      response.getWriter().print("stock: " + e.getStatus());
      return;
    }
    Request.Builder pay =
        new Request.Builder().url(payment + "/pay?order=" + request.getParameter("item"));
    String canary = request.getHeader("X-Canary");
    if (canary != null) {
      pay.header("X-Canary", canary);
    }
    try (Response paid = http.newCall(pay.build()).execute()) {
      String text = paid.body().string();
      response.setStatus(paid.isSuccessful() ? 200 : 502);
      response
          .getWriter()
          .print(
              reserved + ", " + (paid.isSuccessful() ? text : "payment answered " + paid.code()));
    }
  }
}
