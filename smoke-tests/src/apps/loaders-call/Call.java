import java.util.concurrent.Callable;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** Calls a server of this machine; the answer's status. */
public class Call implements Callable<Integer> {
  private final OkHttpClient client = new OkHttpClient();

  @Override
  public Integer call() throws Exception {
    Request request =
        new Request.Builder().url("http://127.0.0.1:" + Integer.getInteger("port") + "/").build();
    try (Response answer = client.newCall(request).execute()) {
      return answer.code();
    }
  }
}
