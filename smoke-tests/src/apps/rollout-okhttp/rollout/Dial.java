package rollout;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** Calls a service by OkHttp. */
final class Dial {
  private final Request request;
  private final OkHttpClient client;

  Dial(String service, long timeoutMillis) {
    request = new Request.Builder().url("http://" + service + "/").build();
    client =
        new OkHttpClient.Builder()
            .connectTimeout(timeoutMillis, TimeUnit.MILLISECONDS)
            .readTimeout(timeoutMillis, TimeUnit.MILLISECONDS)
            .build();
  }

  /** The instance's name and the rule, or {@code FAILED} and why. */
  String call() {
    try (Response r = client.newCall(request).execute()) {
      String body = r.body().string();
      return r.isSuccessful() ? body : "FAILED " + r.code() + " " + body.replace('\n', ' ');
    } catch (IOException e) {
      return "FAILED " + e.toString().replace('\n', ' ');
    }
  }
}
