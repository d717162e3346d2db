package io.weir.instrumentation.grpc.adapter;

import io.weir.engine.call.AttributeSource;
import org.jspecify.annotations.Nullable;

/** The attributes of an outbound gRPC call, as rules see them. */
final class ClientAttributes extends AttributeSource<GovernedClientCall<?, ?>> {
  static final ClientAttributes INSTANCE = new ClientAttributes();

  private ClientAttributes() {}

  @Override
  public @Nullable String header(GovernedClientCall<?, ?> call, String name) {
    return GrpcNames.first(call.headers(), name);
  }

  @Override
  public @Nullable String headers(GovernedClientCall<?, ?> call, String name) {
    Iterable<String> all = GrpcNames.all(call.headers(), name);
    return all == null ? null : joined(all);
  }

  @Override
  public String path(GovernedClientCall<?, ?> call) {
    return GrpcNames.path(call.method().getFullMethodName());
  }

  @Override
  public String method(GovernedClientCall<?, ?> call) {
    return "POST";
  }

  @Override
  public @Nullable String host(GovernedClientCall<?, ?> call) {
    return GrpcNames.host(call.authority());
  }

  @Override
  public String caller(GovernedClientCall<?, ?> call) {
    return call.caller();
  }

  @Override
  public boolean grpc() {
    return true;
  }

  @Override
  public boolean outbound() {
    return true;
  }
}
