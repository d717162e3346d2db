package shop;

import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** Calls with a client library that the web application brings along, so that it is woven in its loader. */
public class Front extends HttpServlet {
  private final OkHttpClient client = new OkHttpClient();

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    Request call = new Request.Builder().url("http://127.0.0.1:1/").build();
    try (Response answer = client.newCall(call).execute()) {
      response.getOutputStream().print("okhttp-got-" + answer.code());
    } catch (IOException nobodyListens) {
      response.getOutputStream().print("nobody-listens");
    }
  }
}
