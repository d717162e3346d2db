package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.Paths;
import io.weir.engine.gate.Propagation;
import io.weir.instrumentation.api.common.QueryString;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import javax.servlet.http.Cookie;
import javax.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;

/** Attributes of a request, none of which reads its body. */
final class RequestSource extends AttributeSource<HttpServletRequest> {
  static final RequestSource INSTANCE = new RequestSource();

  private RequestSource() {}

  @Override
  public @Nullable String header(HttpServletRequest request, String name) {
    return request.getHeader(name);
  }

  @Override
  public @Nullable String headers(HttpServletRequest request, String name) {
    Enumeration<String> all = request.getHeaders(name);
    if (all == null || !all.hasMoreElements()) {
      return null;
    }
    String first = all.nextElement();
    if (!all.hasMoreElements()) {
      return first;
    }
    List<String> values = Collections.list(all);
    values.add(0, first);
    return joined(values);
  }

  @Override
  public @Nullable String query(HttpServletRequest request, String name) {
    return QueryString.first(request.getQueryString(), name);
  }

  @Override
  public @Nullable String cookie(HttpServletRequest request, String name) {
    Cookie[] cookies = request.getCookies();
    if (cookies != null) {
      for (Cookie c : cookies) {
        if (c.getName().equals(name)) {
          return c.getValue();
        }
      }
    }
    return null;
  }

  /** What the container chose the servlet by, in the one spelling that rules see. */
  @Override
  public String path(HttpServletRequest request) {
    String sent = request.getRequestURI();
    try {
      return Paths.ofMapped(
          sent, request.getContextPath(), request.getServletPath(), request.getPathInfo());
    } catch (IllegalArgumentException ambiguous) {
      // Jetty 12 does not decode what its rules call ambiguous
      return Paths.ofUri(sent);
    }
  }

  @Override
  public int contextLength(HttpServletRequest request) {
    String context = request.getContextPath();
    return context != null && Paths.isNormal(context) ? context.length() : 0;
  }

  @Override
  public String method(HttpServletRequest request) {
    return request.getMethod();
  }

  @Override
  public String host(HttpServletRequest request) {
    return request.getServerName();
  }

  @Override
  public @Nullable String clientIp(HttpServletRequest request) {
    return request.getRemoteAddr();
  }

  @Override
  public int localPort(HttpServletRequest request) {
    return request.getLocalPort();
  }

  @Override
  public @Nullable String caller(HttpServletRequest request) {
    return request.getHeader(Propagation.CALLER);
  }
}
