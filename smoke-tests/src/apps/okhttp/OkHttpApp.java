import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.Callback;
import okhttp3.Dispatcher;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Makes the calls it is told on stdin, one per line: {@code ID execute|aside|enqueue|same
 * URL [readTimeout=MS] [callTimeout=MS] [fourThreads=true] [HEADER=VALUE ...]} (aside: {@code execute}
 * on a thread of its own; same: whether the caller gets the answer its own interceptor gave) or {@code ID cancel}; tells what became of each on stdout.
 */
public final class OkHttpApp {
  private static final OkHttpClient CLIENT = new OkHttpClient();
  private static final OkHttpClient FOUR_THREADS = fourThreads();
  private static final Map<String, Call> CALLS = new ConcurrentHashMap<>();

  /** As many calls under way as one likes, four of them on a thread. */
  private static OkHttpClient fourThreads() {
    Dispatcher dispatcher = new Dispatcher(Executors.newFixedThreadPool(4));
    dispatcher.setMaxRequests(100);
    dispatcher.setMaxRequestsPerHost(100);
    return new OkHttpClient.Builder().dispatcher(dispatcher).build();
  }

  /** Since 3.12. */
  private static OkHttpClient callTimeout(OkHttpClient client, long millis) {
    try {
      OkHttpClient.Builder b = client.newBuilder();
      b.getClass()
          .getMethod("callTimeout", long.class, TimeUnit.class)
          .invoke(b, millis, TimeUnit.MILLISECONDS);
      return b.build();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void main(String[] args) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("READY 0");
    for (String line; (line = in.readLine()) != null; ) {
      String[] word = line.split(" ");
      String id = word[0];
      if (word[1].equals("cancel")) {
        CALLS.get(id).cancel();
        continue;
      }
      OkHttpClient client = CLIENT;
      Request.Builder request = new Request.Builder().url(word[2]);
      for (int i = 3; i < word.length; i++) {
        String[] option = word[i].split("=");
        if (option[0].equals("readTimeout")) {
          client =
              client
                  .newBuilder()
                  .readTimeout(Integer.parseInt(option[1]), TimeUnit.MILLISECONDS)
                  .build();
        } else if (option[0].equals("fourThreads")) {
          client = FOUR_THREADS;
        } else if (option[0].equals("callTimeout")) {
          client = callTimeout(client, Integer.parseInt(option[1]));
        } else {
          request.header(option[0], option[1]);
        }
      }
      if (word[1].equals("same")) {
        same(id, client, request.build());
        continue;
      }
      Call call = client.newCall(request.build());
      CALLS.put(id, call);
      if (word[1].equals("enqueue")) {
        call.enqueue(
            new Callback() {
              @Override
              public void onFailure(Call call, IOException e) {
                tell(id, e);
              }

              @Override
              public void onResponse(Call call, Response response) {
                tell(id, response);
              }
            });
      } else if (word[1].equals("aside")) {
        new Thread(() -> execute(id, call)).start();
      } else {
        execute(id, call);
      }
    }
  }

  private static void same(String id, OkHttpClient client, Request request) throws IOException {
    Response[] given = new Response[1];
    OkHttpClient own =
        client
            .newBuilder()
            .addInterceptor(chain -> given[0] = chain.proceed(chain.request()))
            .build();
    try (Response r = own.newCall(request).execute()) {
      System.out.println(id + " same=" + (r == given[0]) + " status=" + r.code());
    }
  }

  private static void execute(String id, Call call) {
    try {
      tell(id, call.execute());
    } catch (IOException e) {
      tell(id, e);
    }
  }

  private static void tell(String id, Response response) {
    try (Response r = response) {
      System.out.println(
          id
              + " status="
              + r.code()
              + " rejected="
              + r.header("X-Weir-Rejected")
              + " url="
              + r.request().url()
              + " body="
              + r.body().string());
    } catch (IOException e) {
      tell(id, e);
    }
  }

  private static void tell(String id, IOException e) {
    System.out.println(id + " threw=" + e.getClass().getName() + " " + e.getMessage());
  }
}
