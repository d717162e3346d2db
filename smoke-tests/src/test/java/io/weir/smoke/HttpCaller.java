package io.weir.smoke;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Calls {@code src/apps/servlet}: a connection each, but for HTTP/2. */
final class HttpCaller implements ServerCaller {
  private final Jvm jvm;
  private final Certificates certificates;
  private HttpClient http2;

  HttpCaller(Jvm jvm, Certificates certificates) {
    this.jvm = jvm;
    this.certificates = certificates;
  }

  @Override
  public List<String> kinds() {
    return List.of(
        "/hello",
        "/echo",
        "/async",
        "/async-dispatch",
        "/async-fail",
        "/forward",
        "/include",
        "/fail",
        "/send-error",
        "/attributes",
        "/plain",
        "/listened",
        "/hello?again");
  }

  @Override
  public String plain() {
    return "/hello";
  }

  @Override
  public String other() {
    return "/plain";
  }

  @Override
  public String endless() {
    return "/endless";
  }

  @Override
  public String health() {
    return "/healthz";
  }

  @Override
  public int served() {
    try (Raw http = new Raw(jvm.port())) {
      return Integer.parseInt(http.get("/served").body().trim());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Sent send(String kind, String... headers) {
    try {
      Raw http = new Raw(jvm.port());
      if (kind.startsWith("/echo")) {
        String[] all = java.util.Arrays.copyOf(headers, headers.length + 1);
        all[headers.length] = "Content-Type: application/octet-stream";
        http.send("POST", kind, new byte[10_000], all);
      } else {
        http.send("GET", kind, null, headers);
      }
      return new OnASocket(kind, http);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class OnASocket implements Sent {
    private final String kind;
    private final Raw http;

    OnASocket(String kind, Raw http) {
      this.kind = kind;
      this.http = http;
    }

    @Override
    public Reply reply() {
      try {
        return HttpCaller.reply(kind, http.answer("GET"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public boolean isAnswered() {
      try {
        return http.hasAnswer();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() {
      try {
        http.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  static Reply reply(String kind, Raw.Answer a) {
    Map<String, String> headers = new TreeMap<>(a.headers());
    headers.remove("Date");
    if (kind.equals("/attributes")) {
      headers.remove("Content-Length"); // a governed request has one more, which is documented
    }
    String text =
        a.status()
            + "\n"
            + headers
            + "\n"
            + a.body()
                .replaceAll("io\\.weir\\.call(, )?", "")
                .replaceAll("@[0-9a-f]+|\"timestamp\":\"[^\"]*\"|:\\d{4,5}", "@")
                .replaceAll("(?s)(at |Caused).*", "");
    return new Reply(
        Integer.toString(a.status()), a.header("X-Weir-Rejected"), a.header("Retry-After"), text);
  }

  @Override
  public Sent sendByHttp2(String kind, String... headers) {
    if (http2 == null) {
      http2 =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_2)
              .sslContext(certificates.clientContext())
              .build();
    }
    String base =
        jvm.stdout().stream()
            .filter(l -> l.startsWith("HTTP2 "))
            .map(l -> l.substring("HTTP2 ".length()))
            .findFirst()
            .orElse("http://127.0.0.1:" + jvm.port());
    HttpRequest.Builder ask =
        HttpRequest.newBuilder(URI.create(base + kind)).timeout(Duration.ofSeconds(60));
    for (String header : headers) {
      String[] h = header.split(": *", 2);
      ask.header(h[0], h[1]);
    }
    CompletableFuture<HttpResponse<String>> answer =
        http2.sendAsync(ask.build(), HttpResponse.BodyHandlers.ofString());
    return new OnAStream(answer);
  }

  private static final class OnAStream implements Sent {
    private final CompletableFuture<HttpResponse<String>> answer;

    OnAStream(CompletableFuture<HttpResponse<String>> answer) {
      this.answer = answer;
    }

    @Override
    public Reply reply() {
      try {
        HttpResponse<String> a = answer.get(60, TimeUnit.SECONDS);
        return new Reply(
            Integer.toString(a.statusCode()),
            a.headers().firstValue("X-Weir-Rejected").orElse(null),
            a.headers().firstValue("Retry-After").orElse(null),
            a.version() + " " + a.body());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public boolean isAnswered() {
      return answer.isDone();
    }

    @Override
    public void close() {
      answer.cancel(true);
    }
  }

  @Override
  public void close() {
    http2 = null;
  }
}
