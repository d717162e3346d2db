import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Does what stdin says, a line at a time, and answers each line with one that begins with its
 * second word:
 *
 * <pre>
 * open CHANNEL TARGET [authority=NAME] [tls] [app] [round_robin]
 * call ID CHANNEL STYLE [header.NAME=VALUE] [deadline=MS] [cancel=MS] [direct] [credentials] : MESSAGE
 * many ID CHANNEL STYLE N [header...] : MESSAGE
 * cancel ID (of a call in style async)
 * storm ID CHANNEL N : MESSAGE (50 threads, N calls each, of every type in turn)
 * idle CHANNEL
 * close CHANNEL
 * </pre>
 */
public final class StockClient {
  private static final Metadata.Key<String> PUSHBACK = key("grpc-retry-pushback-ms");
  private static final Metadata.Key<String> HINT = key("x-hint");
  private static final Map<String, ManagedChannel> CHANNELS = new HashMap<>();
  private static final Map<String, ClientCall<?, ?>> UNDER_WAY = new ConcurrentHashMap<>();
  private static final Executor THREADS =
      Executors.newCachedThreadPool(
          r -> {
            Thread t = new Thread(r, "application");
            t.setDaemon(true);
            return t;
          });

  public static void main(String[] args) throws Exception {
    System.out.println("READY 0");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      int colon = line.indexOf(" : ");
      String[] w = (colon < 0 ? line : line.substring(0, colon)).split(" ");
      String message = colon < 0 ? "" : line.substring(colon + 3);
      Runnable task =
          () -> {
            try {
              System.out.println(w[1] + " " + run(w, message));
            } catch (Throwable t) {
              t.printStackTrace();
              System.out.println(w[1] + " BROKEN " + t);
            }
          };
      if (w[0].equals("open")) {
        task.run();
      } else {
        THREADS.execute(task);
      }
    }
  }

  private static String run(String[] w, String message) throws Exception {
    List<String> options = Arrays.asList(w);
    switch (w[0]) {
      case "open":
        ManagedChannelBuilder<?> b = Transports.channel(w[2]);
        if (!options.contains("tls")) {
          b.usePlaintext();
        }
        for (String o : options) {
          if (o.startsWith("authority=")) {
            b.overrideAuthority(o.substring(10));
          }
        }
        if (options.contains("app")) {
          b.intercept(new AppHeader());
        }
        if (options.contains("round_robin")) {
          b.disableServiceConfigLookUp()
              .defaultServiceConfig(
                  Collections.singletonMap(
                      "loadBalancingConfig",
                      Collections.singletonList(
                          Collections.singletonMap("round_robin", Collections.emptyMap()))));
        }
        CHANNELS.put(w[1], b.build());
        return "opened";
      case "close":
        ManagedChannel c = CHANNELS.remove(w[1]);
        return c.shutdown().awaitTermination(20, TimeUnit.SECONDS) ? "terminated" : "HANGS";
      case "cancel":
        UNDER_WAY.get(w[1]).cancel("as asked", null);
        return "asked";
      case "idle":
        CHANNELS.get(w[1]).enterIdle();
        return "idle";
      case "storm":
        return storm(CHANNELS.get(w[2]), Integer.parseInt(w[3]), message).toString();
      case "many":
        Map<String, Integer> by = new TreeMap<>();
        for (int i = 0; i < Integer.parseInt(w[4]); i++) {
          by.merge(kind(call(CHANNELS.get(w[2]), w[3], options, message)), 1, Integer::sum);
        }
        return by.toString();
      default:
        return call(CHANNELS.get(w[2]), w[3], options, message);
    }
  }

  private static Map<String, Integer> storm(ManagedChannel channel, int n, String message)
      throws Exception {
    String[] styles = {"unary", "future", "async", "iterator", "server", "client", "bidi"};
    Map<String, Integer> by = new ConcurrentSkipListMap<>();
    CountDownLatch done = new CountDownLatch(50);
    for (int t = 0; t < 50; t++) {
      int first = t;
      THREADS.execute(
          () -> {
            for (int i = 0; i < n; i++) {
              String result;
              try {
                result = call(channel, styles[(first + i) % styles.length], Collections.emptyList(), message);
              } catch (Exception e) {
                result = e.toString();
              }
              by.merge(kind(result), 1, Integer::sum);
            }
            done.countDown();
          });
    }
    done.await();
    return by;
  }

  private static String kind(String result) {
    String[] parts = result.split(" ", 3);
    return parts[0].equals("OK") ? "OK-" + parts[1] : parts[0];
  }

  private static String call(ManagedChannel managed, String style, List<String> words, String q)
      throws Exception {
    Metadata headers = new Metadata();
    CallOptions options = CallOptions.DEFAULT;
    long cancelAfter = -1;
    for (String o : words) {
      int eq = o.indexOf('=');
      if (o.startsWith("header.")) {
        headers.put(key(o.substring(7, eq)), o.substring(eq + 1));
      } else if (o.startsWith("deadline=")) {
        options = options.withDeadlineAfter(Long.parseLong(o.substring(eq + 1)), TimeUnit.MILLISECONDS);
      } else if (o.startsWith("cancel=")) {
        cancelAfter = Long.parseLong(o.substring(eq + 1));
      } else if (o.equals("credentials")) {
        options = options.withCallCredentials(new Bearer());
      } else if (o.equals("direct")) {
        options = options.withExecutor(Runnable::run);
      }
    }
    // as a stub does
    Channel channel = ClientInterceptors.intercept(managed, new Attach(headers));
    try {
      switch (style) {
        case "unary":
          return "OK " + ClientCalls.blockingUnaryCall(channel, Wire.UNARY, options, q);
        case "health-check":
          return "OK " + ClientCalls.blockingUnaryCall(channel, Wire.HEALTH_CHECK, options, q);
        case "health-watch":
          return "OK "
              + ClientCalls.blockingServerStreamingCall(channel, Wire.HEALTH_WATCH, options, q)
                  .next();
        case "count":
          return "OK " + ClientCalls.blockingUnaryCall(channel, Wire.COUNT, options, q);
        case "future":
          return "OK "
              + ClientCalls.futureUnaryCall(channel.newCall(Wire.UNARY, options), q)
                  .get(30, TimeUnit.SECONDS);
        case "iterator":
          List<String> all = new ArrayList<>();
          for (Iterator<String> i =
                  ClientCalls.blockingServerStreamingCall(channel, Wire.SERVER, options, q);
              i.hasNext(); ) {
            all.add(i.next());
          }
          return "OK " + String.join("|", all);
        default:
          return stream(
              words.isEmpty() ? "" : words.get(1), channel, style, options, q, cancelAfter);
      }
    } catch (StatusRuntimeException e) {
      return told(e.getStatus(), e.getTrailers());
    } catch (java.util.concurrent.ExecutionException e) {
      StatusRuntimeException s = (StatusRuntimeException) e.getCause();
      return told(s.getStatus(), s.getTrailers());
    }
  }

  private static String stream(
      String id, Channel channel, String style, CallOptions options, String q, long cancelAfter)
      throws Exception {
    Collector out = new Collector();
    ClientCall<String, String> call;
    StreamObserver<String> to = null;
    switch (style) {
      case "async":
        call = channel.newCall(Wire.UNARY, options);
        UNDER_WAY.put(id, call);
        ClientCalls.asyncUnaryCall(call, q, out);
        break;
      case "server":
        call = channel.newCall(Wire.SERVER, options);
        ClientCalls.asyncServerStreamingCall(call, q, out);
        break;
      case "client":
        call = channel.newCall(Wire.CLIENT, options);
        to = ClientCalls.asyncClientStreamingCall(call, out);
        break;
      case "bidi":
        call = channel.newCall(Wire.BIDI, options);
        to = ClientCalls.asyncBidiStreamingCall(call, out);
        break;
      default:
        throw new IllegalArgumentException(style);
    }
    if (to != null) {
      to.onNext(q);
      if (!q.startsWith("fail")) {
        to.onNext(q);
        to.onCompleted();
      }
    }
    if (cancelAfter >= 0) {
      Thread.sleep(cancelAfter);
      call.cancel("as asked", null);
    }
    return out.await();
  }

  private static String told(Status status, Metadata trailers) {
    String pushback = trailers == null ? null : trailers.get(PUSHBACK);
    return status.getCode()
        + " "
        + status.getDescription()
        + (trailers == null || trailers.get(HINT) == null ? "" : " hint=" + trailers.get(HINT))
        + (pushback == null ? "" : " pushback=" + pushback);
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static final class Collector implements StreamObserver<String> {
    private final StringBuffer all = new StringBuffer();
    private final CountDownLatch done = new CountDownLatch(1);
    private volatile String error;

    String await() throws InterruptedException {
      return !done.await(30, TimeUnit.SECONDS) ? "NEVER ENDS" : error != null ? error : "OK" + all;
    }

    @Override
    public void onNext(String value) {
      all.append(all.length() == 0 ? " " : "|").append(value);
    }

    @Override
    public void onError(Throwable t) {
      error = told(Status.fromThrowable(t), Status.trailersFromThrowable(t));
      done.countDown();
    }

    @Override
    public void onCompleted() {
      done.countDown();
    }
  }

  private static final class Attach implements ClientInterceptor {
    private final Metadata extra;

    Attach(Metadata extra) {
      this.extra = extra;
    }

    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(
        MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<Q, P>(next.newCall(method, options)) {
        @Override
        public void start(Listener<P> listener, Metadata headers) {
          headers.merge(extra);
          super.start(listener, headers);
        }
      };
    }
  }

  /** The application's own interceptor. */
  private static final class AppHeader implements ClientInterceptor {
    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(
        MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<Q, P>(next.newCall(method, options)) {
        @Override
        public void start(Listener<P> listener, Metadata headers) {
          headers.put(key("x-app"), "mine");
          super.start(listener, headers);
        }
      };
    }
  }

  private static final class Bearer extends CallCredentials {
    @Override
    public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
      Metadata m = new Metadata();
      m.put(key("authorization"), "Bearer of-the-application");
      applier.apply(m);
    }

    @Override
    public void thisUsesUnstableApi() {}
  }
}
