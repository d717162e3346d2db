package fleet;

import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** One call by OkHttp. */
final class Dial {
  private final OkHttpClient client = new OkHttpClient();
  private final Request request;

  Dial(String host, String port, String name) {
    request = new Request.Builder().url("http://" + host + ":" + port + "/pay").header("X-Name", name).build();
  }

  String call() {
    try (Response r = client.newCall(request).execute()) {
      r.body().bytes();
      return r.header("X-Weir-Rejected") != null ? "refused" : r.isSuccessful() ? "ok" : "failed";
    } catch (java.io.IOException e) {
      return "failed";
    }
  }
}
