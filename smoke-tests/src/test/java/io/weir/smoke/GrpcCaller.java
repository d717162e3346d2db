package io.weir.smoke;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Calls {@code src/apps/grpc}: a kind is {@code METHOD MESSAGE}. */
final class GrpcCaller implements ServerCaller {
  private static final Pattern RULE = Pattern.compile("limit \"([^\"]+)\"");

  private final ManagedChannel channel;

  GrpcCaller(Jvm jvm) {
    channel =
        ManagedChannelBuilder.forAddress("127.0.0.1", jvm.port())
            .overrideAuthority("shop")
            .usePlaintext()
            .build();
  }

  @Override
  public List<String> kinds() {
    return List.of(
        "Get echo 1",
        "Watch echo 2",
        "Put 3",
        "Chat 4",
        "Get fail NOT_FOUND",
        "Watch fail UNAVAILABLE",
        "Get throw");
  }

  @Override
  public String plain() {
    return "Get echo 1";
  }

  @Override
  public String other() {
    return "Count x";
  }

  @Override
  public String endless() {
    return "Get hang";
  }

  @Override
  public String health() {
    return "grpc.health.v1.Health/Check x";
  }

  @Override
  public int served() {
    return Integer.parseInt(ask("Count x").text().replaceAll("\\D", ""));
  }

  @Override
  public Sent send(String kind, String... headers) {
    String[] words = kind.split(" ", 2);
    String method = words[0].contains("/") ? words[0] : "shop.Stock/" + words[0];
    MethodDescriptor.MethodType type =
        switch (words[0]) {
          case "Watch" -> MethodDescriptor.MethodType.SERVER_STREAMING;
          case "Put" -> MethodDescriptor.MethodType.CLIENT_STREAMING;
          case "Chat" -> MethodDescriptor.MethodType.BIDI_STREAMING;
          default -> MethodDescriptor.MethodType.UNARY;
        };
    ClientCall<String, String> call =
        channel.newCall(
            MethodDescriptor.<String, String>newBuilder()
                .setType(type)
                .setFullMethodName(method)
                .setRequestMarshaller(GrpcTargets.Text.INSTANCE)
                .setResponseMarshaller(GrpcTargets.Text.INSTANCE)
                .build(),
            CallOptions.DEFAULT);
    Metadata metadata = new Metadata();
    for (String header : headers) {
      String[] h = header.split(": *", 2);
      metadata.put(GrpcTargets.key(h[0]), h[1]);
    }
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    StringBuffer all = new StringBuffer();
    call.start(
        new ClientCall.Listener<>() {
          @Override
          public void onMessage(String message) {
            all.append(message).append('|');
            call.request(1);
          }

          @Override
          public void onClose(Status status, Metadata trailers) {
            Matcher rule = RULE.matcher(String.valueOf(status.getDescription()));
            reply.complete(
                new Reply(
                    status.getCode().toString(),
                    rule.find() ? rule.group(1) : null,
                    trailers.get(GrpcTargets.key("grpc-retry-pushback-ms")),
                    status + " " + all));
          }
        },
        metadata);
    call.request(1);
    call.sendMessage(words[1]);
    call.halfClose();
    return new Sent() {
      @Override
      public Reply reply() {
        try {
          return reply.get(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException(e);
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      }

      @Override
      public boolean isAnswered() {
        return reply.isDone();
      }

      @Override
      public void close() {
        call.cancel("the caller goes away", null);
      }
    };
  }

  /** Every call is one by HTTP/2. */
  @Override
  public Sent sendByHttp2(String kind, String... headers) {
    return send(kind, headers);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
