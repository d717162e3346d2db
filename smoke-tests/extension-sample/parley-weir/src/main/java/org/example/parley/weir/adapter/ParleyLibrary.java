package org.example.parley.weir.adapter;

import io.weir.instrumentation.api.client.ClientLibrary;
import io.weir.instrumentation.api.common.FailureTable;
import io.weir.instrumentation.api.common.RefusalView;
import java.nio.charset.StandardCharsets;
import org.example.parley.Reply;
import org.example.parley.Request;

/** Parley's requests and replies, in the words of rules. */
final class ParleyLibrary extends ClientLibrary<Request, Reply> {
  private static final FailureTable FAILURES = new FailureTable();

  ParleyLibrary(String service) {
    super(service);
  }

  /** Rules, breakers and metrics speak of HTTP's. */
  static int status(int code) {
    return code == Reply.DONE ? 200 : code == Reply.BUSY ? 429 : 500;
  }

  /** A refused call's reply, on either side. */
  static Reply reply(RefusalView refusal) {
    Reply reply = new Reply(Reply.BUSY, new String(refusal.body(), StandardCharsets.UTF_8));
    refusal.headers(reply::header);
    return reply;
  }

  @Override
  public String host(Request request) {
    return request.host();
  }

  @Override
  public int port(Request request) {
    return request.port();
  }

  @Override
  public String path(Request request) {
    return "/" + request.method();
  }

  @Override
  public String method(Request request) {
    return "POST";
  }

  @Override
  public String header(Request request, String name) {
    return request.header(name);
  }

  @Override
  public Request with(Request request, String[] headers) {
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    return request;
  }

  @Override
  public int status(Reply reply) {
    return status(reply.code());
  }

  @Override
  public String answerHeader(Reply reply, String name) {
    return reply.header(name);
  }

  @Override
  public Reply refused(Request request, RefusalView refusal) {
    return reply(refusal);
  }

  @Override
  public FailureTable failures() {
    return FAILURES;
  }
}
