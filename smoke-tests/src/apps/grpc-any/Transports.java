import io.grpc.ManagedChannelBuilder;
import io.grpc.ServerBuilder;
import java.io.File;

/** Whatever transport the class path has. */
final class Transports {
  private Transports() {}

  static ServerBuilder<?> server(File certificate, File key) {
    ServerBuilder<?> b = ServerBuilder.forPort(0);
    return certificate == null ? b : b.useTransportSecurity(certificate, key);
  }

  static ManagedChannelBuilder<?> channel(String target) {
    return ManagedChannelBuilder.forTarget(target);
  }
}
