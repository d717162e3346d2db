package io.weir.engine.testing;

import io.weir.engine.call.AttributeSource;
import java.util.HashMap;
import java.util.Map;

/** A call made of a map: {@code Request.of("header:X-Env", "prod")}. */
public final class Request {
  /** Reads {@link Request}s. */
  public static final AttributeSource<Request> SOURCE = new Source(false, false);

  /** The same, as calls that leave this JVM. */
  public static final AttributeSource<Request> OUTBOUND = new Source(true, false);

  /** The same, as gRPC. */
  public static final AttributeSource<Request> GRPC = new Source(false, true);

  private final Map<String, String> attributes = new HashMap<>();

  public static Request of(String... namesAndValues) {
    Request r = new Request();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      r.with(namesAndValues[i], namesAndValues[i + 1]);
    }
    return r;
  }

  public Request with(String attribute, String value) {
    attributes.put(key(attribute), value);
    return this;
  }

  private String get(String attribute) {
    return attributes.get(attribute);
  }

  private static String key(String attribute) {
    return attribute.startsWith("header:") ? attribute.toLowerCase() : attribute;
  }

  private static final class Source extends AttributeSource<Request> {
    private final boolean outbound;
    private final boolean grpc;

    Source(boolean outbound, boolean grpc) {
      this.outbound = outbound;
      this.grpc = grpc;
    }

    @Override
    public boolean outbound() {
      return outbound;
    }

    @Override
    public boolean grpc() {
      return grpc;
    }

    @Override
    public String header(Request call, String name) {
      return call.get("header:" + name.toLowerCase());
    }

    @Override
    public String query(Request call, String name) {
      return call.get("query:" + name);
    }

    @Override
    public String cookie(Request call, String name) {
      return call.get("cookie:" + name);
    }

    @Override
    public String tag(Request call, String name) {
      String own = call.get("tag:" + name);
      return own != null ? own : super.tag(call, name);
    }

    @Override
    public String path(Request call) {
      return call.get("path");
    }

    @Override
    public String method(Request call) {
      return call.get("method");
    }

    @Override
    public String host(Request call) {
      return call.get("host");
    }

    @Override
    public String clientIp(Request call) {
      return call.get("client-ip");
    }

    @Override
    public String caller(Request call) {
      return call.get("caller");
    }
  }
}
