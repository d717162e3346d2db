package io.weir.instrumentation.okhttp.adapter;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Paths;
import java.util.List;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/** Reads a request as the application made it; what OkHttp adds below (cookies of a jar) is not. */
final class RequestSource extends AttributeSource<Request> {
  private final String service;

  RequestSource(String service) {
    this.service = service;
  }

  @Override
  public @Nullable String header(Request call, String name) {
    return call.header(name);
  }

  @Override
  public @Nullable String headers(Request call, String name) {
    List<String> all = call.headers(name);
    return all.isEmpty() ? null : all.size() == 1 ? all.get(0) : joined(all);
  }

  @Override
  public @Nullable String query(Request call, String name) {
    return call.url().queryParameter(name);
  }

  @Override
  public @Nullable String cookie(Request call, String name) {
    String all = call.header("Cookie");
    if (all == null) {
      return null;
    }
    int from = 0;
    while (from < all.length()) {
      int end = all.indexOf(';', from);
      if (end < 0) {
        end = all.length();
      }
      while (from < end && all.charAt(from) == ' ') {
        from++;
      }
      if (all.startsWith(name, from)
          && from + name.length() < end
          && all.charAt(from + name.length()) == '=') {
        return all.substring(from + name.length() + 1, end).trim();
      }
      from = end + 1;
    }
    return null;
  }

  @Override
  public String path(Request call) {
    return Paths.ofUri(call.url().encodedPath());
  }

  @Override
  public String method(Request call) {
    return call.method();
  }

  @Override
  public String host(Request call) {
    return call.url().host();
  }

  @Override
  public String caller(Request call) {
    return service;
  }

  @Override
  public boolean outbound() {
    return true;
  }
}
