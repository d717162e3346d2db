package io.weir.instrumentation.okhttp.adapter;

import io.weir.bootstrap.Colour;
import io.weir.engine.call.Paths;
import io.weir.engine.call.Refusal;
import io.weir.instrumentation.api.client.ClientLibrary;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.RefusalView;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import okhttp3.Call;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;

/**
 * Requests and answers of OkHttp. A request is read as the application made it; what OkHttp adds
 * below (cookies of a jar) is not. The handle of a call is its {@code Call}.
 *
 * <p>What OkHttp learnt after 3.3 is asked for once, so that older versions are governed as well.
 */
final class OkHttpLibrary extends ClientLibrary<Request, Response> {
  private static final FailureTable FAILURES =
      new FailureTable()
          .timeout(InterruptedIOException.class, "timeout")
          .cancelled(IOException.class, "Canceled")
          // what the JDK says when this side closed the socket: all that OkHttp before 3.9 tells
          .cancelled(IOException.class, "Socket closed");

  /** {@code Chain.call()}: 3.9. */
  private static final boolean HAS_CALL = has(Interceptor.Chain.class, "call");

  /** {@code Call.timeout()}: 3.12. */
  private static final boolean HAS_TIMEOUT = has(Call.class, "timeout");

  /** {@code Request.tag(Class)}: 3.11. */
  private static final boolean HAS_TAGS = has(Request.class, "tag", Class.class);

  /** The media type of most refusals. OkHttp reads one by regular expressions. */
  private static final @Nullable MediaType PROBLEM = MediaType.parse(Refusal.PROBLEM_JSON);

  OkHttpLibrary(String service) {
    super(service);
  }

  private static @Nullable MediaType mediaType(String text) {
    return text.equals(Refusal.PROBLEM_JSON) ? PROBLEM : MediaType.parse(text);
  }

  private static boolean has(Class<?> type, String method, Class<?>... parameters) {
    try {
      type.getMethod(method, parameters);
      return true;
    } catch (NoSuchMethodException older) {
      return false;
    }
  }

  /** The call a chain belongs to, or null where the chain does not tell. */
  static @Nullable Call callOf(Interceptor.Chain chain) {
    return HAS_CALL ? chain.call() : null;
  }

  /**
   * The request, carrying the calling thread's traffic colour to whatever thread will make the
   * call.
   */
  static Request withColour(Request request) {
    Colour colour = Colour.current();
    return colour == Colour.NONE || !HAS_TAGS
        ? request
        : request.newBuilder().tag(Colour.class, colour).build();
  }

  @Override
  public @Nullable Colour colour(Request request) {
    return HAS_TAGS ? request.tag(Colour.class) : null;
  }

  @Override
  public @Nullable String header(Request request, String name) {
    return request.header(name);
  }

  @Override
  public @Nullable String headers(Request request, String name) {
    List<String> all = request.headers(name);
    return all.isEmpty() ? null : all.size() == 1 ? all.get(0) : joined(all);
  }

  @Override
  public @Nullable String query(Request request, String name) {
    return request.url().queryParameter(name);
  }

  @Override
  public String path(Request request) {
    return Paths.ofUri(request.url().encodedPath());
  }

  @Override
  public String method(Request request) {
    return request.method();
  }

  @Override
  public String host(Request request) {
    return request.url().host();
  }

  @Override
  public int port(Request request) {
    return request.url().port();
  }

  @Override
  public Request with(Request request, String[] headers) {
    Request.Builder b = request.newBuilder();
    for (int i = 0; i < headers.length; i += 2) {
      b.header(headers[i], headers[i + 1]);
    }
    return b.build();
  }

  @Override
  public int status(Response answer) {
    return answer.code();
  }

  @Override
  public @Nullable String answerHeader(Response answer, String name) {
    return answer.header(name);
  }

  @Override
  public FailureTable failures() {
    return FAILURES;
  }

  @Override
  public boolean isCancelled(Object call) {
    return ((Call) call).isCanceled();
  }

  @Override
  public void cancel(Object call) {
    ((Call) call).cancel();
  }

  @Override
  public long timeoutNanos(Object call) {
    return HAS_TIMEOUT ? ((Call) call).timeout().timeoutNanos() : 0;
  }

  @Override
  public Response refused(Request request, RefusalView refusal) {
    long now = System.currentTimeMillis();
    Response.Builder b =
        new Response.Builder()
            .request(request)
            .protocol(Protocol.HTTP_1_1)
            .code(refusal.status())
            .message(refusal.reason())
            .sentRequestAtMillis(now)
            .receivedResponseAtMillis(now)
            .header("Content-Type", refusal.printableContentType())
            .header("Content-Length", Integer.toString(refusal.body().length))
            .body(ResponseBody.create(mediaType(refusal.contentType()), refusal.body()));
    refusal.printableHeaders(b::header);
    return b.build();
  }
}
