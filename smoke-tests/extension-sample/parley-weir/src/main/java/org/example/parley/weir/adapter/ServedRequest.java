package org.example.parley.weir.adapter;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Propagation;
import org.example.parley.Request;

/** What rules may ask of a request that came in. */
final class ServedRequest extends AttributeSource<Request> {
  static final ServedRequest INSTANCE = new ServedRequest();

  @Override
  public String header(Request request, String name) {
    return request.header(name);
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
  public String host(Request request) {
    return null;
  }

  @Override
  public String clientIp(Request request) {
    return request.host();
  }

  @Override
  public String caller(Request request) {
    return request.header(Propagation.CALLER);
  }
}
