package io.weir.instrumentation.grpc.adapter;

import io.grpc.Grpc;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.gate.Propagation;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/** The attributes of an inbound gRPC call, as rules see them. */
final class ServerAttributes extends AttributeSource<GovernedServerCall<?, ?>> {
  static final ServerAttributes INSTANCE = new ServerAttributes();

  private ServerAttributes() {}

  @Override
  public @Nullable String header(GovernedServerCall<?, ?> call, String name) {
    return GrpcNames.first(call.headers, name);
  }

  @Override
  public @Nullable String headers(GovernedServerCall<?, ?> call, String name) {
    Iterable<String> all = GrpcNames.all(call.headers, name);
    return all == null ? null : joined(all);
  }

  @Override
  public String path(GovernedServerCall<?, ?> call) {
    return GrpcNames.path(call.getMethodDescriptor().getFullMethodName());
  }

  @Override
  public String method(GovernedServerCall<?, ?> call) {
    return "POST";
  }

  @Override
  public @Nullable String host(GovernedServerCall<?, ?> call) {
    return GrpcNames.host(call.getAuthority());
  }

  @Override
  public @Nullable String clientIp(GovernedServerCall<?, ?> call) {
    SocketAddress peer = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return peer instanceof InetSocketAddress && ((InetSocketAddress) peer).getAddress() != null
        ? ((InetSocketAddress) peer).getAddress().getHostAddress()
        : null;
  }

  @Override
  public int localPort(GovernedServerCall<?, ?> call) {
    SocketAddress own = call.getAttributes().get(Grpc.TRANSPORT_ATTR_LOCAL_ADDR);
    return own instanceof InetSocketAddress ? ((InetSocketAddress) own).getPort() : -1;
  }

  @Override
  public @Nullable String caller(GovernedServerCall<?, ?> call) {
    return GrpcNames.first(call.headers, Propagation.CALLER);
  }

  @Override
  public boolean grpc() {
    return true;
  }
}
