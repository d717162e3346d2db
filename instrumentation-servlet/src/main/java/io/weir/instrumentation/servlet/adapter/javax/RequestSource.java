package io.weir.instrumentation.servlet.adapter.javax;

import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Engine;
import io.weir.instrumentation.servlet.adapter.QueryString;
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

  /**
   * The path the container matches servlets by: decoded, normalised, without path parameters, so
   * that {@code /%61dmin} or {@code //admin;x=1} cannot pass by a rule for {@code /admin}. Where
   * the path was sent that way already, it is the very string the container holds.
   */
  @Override
  public String path(HttpServletRequest request) {
    String sent = request.getRequestURI();
    if (plain(sent)) {
      return sent;
    }
    String info = request.getPathInfo();
    String path = request.getContextPath() + request.getServletPath();
    return info == null ? path : path + info;
  }

  private static boolean plain(String path) {
    char before = 0;
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '%' || c == ';' || c == '\\' || before == '/' && (c == '/' || c == '.')) {
        return false;
      }
      before = c;
    }
    return true;
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
  public @Nullable String caller(HttpServletRequest request) {
    return request.getHeader(Engine.CALLER);
  }
}
