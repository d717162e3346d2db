package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Refusal;
import okhttp3.MediaType;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.BufferedSource;
import org.jspecify.annotations.Nullable;

/** The answer to a refused call, as if the target had given it. */
final class Answer {
  private Answer() {}

  static Response to(Request request, CallDecision ticket) {
    Refusal refusal = ticket.refused();
    long now = System.currentTimeMillis();
    final Response.Builder b =
        new Response.Builder()
            .request(request)
            .protocol(Protocol.HTTP_1_1)
            .code(refusal.status())
            .message(reason(refusal.status()))
            .sentRequestAtMillis(now)
            .receivedResponseAtMillis(now)
            .header("Content-Type", printable(refusal.contentType()))
            .header("Content-Length", Integer.toString(refusal.bodyBytes().length))
            .body(new Body(refusal));
    refusal.headers(ticket, (name, value) -> b.header(name, printable(value)));
    return b.build();
  }

  private static String reason(int status) {
    return status == 429
        ? "Too Many Requests"
        : status == 503 ? "Service Unavailable" : "Refused by Weir";
  }

  /** OkHttp throws for anything but printable ASCII in a header. */
  private static String printable(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
        StringBuilder b = new StringBuilder(s);
        for (; i < s.length(); i++) {
          if (s.charAt(i) < ' ' || s.charAt(i) > '~') {
            b.setCharAt(i, '?');
          }
        }
        return b.toString();
      }
    }
    return s;
  }

  private static final class Body extends ResponseBody {
    private final Refusal refusal;
    private final BufferedSource source;

    Body(Refusal refusal) {
      this.refusal = refusal;
      source = new Buffer().write(refusal.bodyBytes());
    }

    @Override
    public @Nullable MediaType contentType() {
      return MediaType.parse(refusal.contentType());
    }

    @Override
    public long contentLength() {
      return refusal.bodyBytes().length;
    }

    @Override
    public BufferedSource source() {
      return source;
    }
  }
}
