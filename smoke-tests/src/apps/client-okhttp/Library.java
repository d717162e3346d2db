import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** OkHttp, in the ways {@code execute} and {@code enqueue}. */
public final class Library implements Calls {
  private final Map<String, OkHttpClient> clients = new ConcurrentHashMap<>();
  private final List<OkHttpClient> all = new CopyOnWriteArrayList<>();

  private OkHttpClient client(Ask ask) {
    return ask.client.equals("fresh")
        ? client("fresh")
        : clients.computeIfAbsent(ask.client, this::client);
  }

  private OkHttpClient client(String kind) {
    OkHttpClient.Builder b = new OkHttpClient.Builder();
    if (kind.equals("few")) {
      Dispatcher four = new Dispatcher(Executors.newFixedThreadPool(4));
      four.setMaxRequests(100);
      four.setMaxRequestsPerHost(100);
      b.dispatcher(four);
    } else if (kind.equals("one")) {
      Dispatcher one = new Dispatcher();
      one.setMaxRequests(1);
      b.dispatcher(one).connectionPool(new ConnectionPool(1, 1, TimeUnit.MINUTES));
    } else if (kind.startsWith("proxy:")) {
      int port = Integer.parseInt(kind.substring(6));
      b.proxy(new Proxy(Proxy.Type.HTTP, new InetSocketAddress("127.0.0.1", port)));
    } else if (kind.equals("h2")) {
      b.protocols(Collections.singletonList(Protocol.valueOf("H2_PRIOR_KNOWLEDGE"))); // 3.11
    }
    OkHttpClient client = b.build();
    all.add(client);
    return client;
  }

  @Override
  public void make(Ask ask, Result result) throws Exception {
    OkHttpClient client = client(ask);
    if (ask.readTimeout > 0) {
      client = client.newBuilder().readTimeout(ask.readTimeout, TimeUnit.MILLISECONDS).build();
    }
    if (ask.callTimeout > 0) {
      OkHttpClient.Builder b = client.newBuilder();
      OkHttpClient.Builder.class
          .getMethod("callTimeout", long.class, TimeUnit.class) // 3.12
          .invoke(b, (long) ask.callTimeout, TimeUnit.MILLISECONDS);
      client = b.build();
    }
    Request.Builder request = new Request.Builder().url(ask.url);
    if (ask.method.equals("POST")) {
      request.post(RequestBody.create(MediaType.parse("text/plain"), "some"));
    }
    ask.headers.forEach(request::header);
    Call call = client.newCall(request.build());
    result.onCancel(call::cancel);
    if (ask.way.equals("execute")) {
      tell(call.execute(), result);
      return;
    }
    call.enqueue(
        new Callback() {
          @Override
          public void onFailure(Call failed, IOException e) {
            result.failed(e);
          }

          @Override
          public void onResponse(Call answered, Response response) {
            try {
              tell(response, result);
            } catch (IOException e) {
              result.failed(e);
            }
          }
        });
  }

  private static void tell(Response response, Result result) throws IOException {
    try (Response r = response) {
      String body = r.body().string();
      result.answered(r.code(), r::header, r.request().url().toString(), body);
    }
  }

  @Override
  public int busy() {
    int busy = 0;
    for (OkHttpClient c : all) {
      busy += c.dispatcher().runningCallsCount() + c.dispatcher().queuedCallsCount();
      busy += c.connectionPool().connectionCount() - c.connectionPool().idleConnectionCount();
    }
    return busy;
  }

  @Override
  public String webSocket(String url, String text) throws Exception {
    return Sockets.talk(clients.computeIfAbsent("", this::client), url, text);
  }

  /** Whether the caller gets the very answer that its own interceptor gave. */
  @Override
  public String own(String what, String url) throws IOException {
    Response[] given = new Response[1];
    OkHttpClient own =
        clients
            .computeIfAbsent("", this::client)
            .newBuilder()
            .addInterceptor(chain -> given[0] = chain.proceed(chain.request()))
            .build();
    try (Response r = own.newCall(new Request.Builder().url(url).build()).execute()) {
      return "same=" + (r == given[0]) + " status=" + r.code();
    }
  }
}
