package io.weir.engine.testing;

import io.weir.engine.call.AttributeSource;

/** A call whose attributes are fields: reading them allocates nothing. */
public final class Fixed {
  /** Reads {@link Fixed}. */
  public static final AttributeSource<Fixed> SOURCE = new Source();

  private final String env;
  private final String user;
  private final String path;

  public Fixed(String env, String user, String path) {
    this.env = env;
    this.user = user;
    this.path = path;
  }

  private static final class Source extends AttributeSource<Fixed> {
    @Override
    public String header(Fixed call, String name) {
      return name.equals("X-Env") ? call.env : name.equals("X-User-Id") ? call.user : null;
    }

    @Override
    public String path(Fixed call) {
      return call.path;
    }

    @Override
    public String method(Fixed call) {
      return "GET";
    }

    @Override
    public String host(Fixed call) {
      return "payment";
    }
  }
}
