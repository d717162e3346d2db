package war;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.servlet.AsyncContext;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** Calls {@code http://onward/}: on the request's thread, with {@code ?async} on another. */
public final class Onward extends HttpServlet {
  private final OkHttpClient client = new OkHttpClient();
  private final ExecutorService pool =
      Executors.newFixedThreadPool(
          1,
          task -> {
            Thread t = new Thread(task, "onward");
            t.setDaemon(true);
            return t;
          });

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    if (!"async".equals(request.getQueryString())) {
      answer(response);
      return;
    }
    AsyncContext async = request.startAsync();
    pool.execute(
        () -> {
          try {
            answer(async.getResponse());
          } catch (IOException gone) {
            // nobody to tell
          }
          async.complete();
        });
  }

  private void answer(ServletResponse response) throws IOException {
    String said;
    try (Response r = client.newCall(new Request.Builder().url("http://onward/x").build()).execute()) {
      said = r.code() + " " + r.body().string();
    } catch (IOException e) {
      said = e.toString();
    }
    response.getOutputStream().write(said.getBytes(StandardCharsets.UTF_8));
  }
}
