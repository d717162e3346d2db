import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.ServerBuilder;
import io.grpc.TlsServerCredentials;
import io.grpc.okhttp.OkHttpChannelBuilder;
import io.grpc.okhttp.OkHttpServerBuilder;
import java.io.File;
import java.io.IOException;

/** The transport that needs no Netty. */
final class Transports {
  private Transports() {}

  static ServerBuilder<?> server(File certificate, File key) throws IOException {
    return OkHttpServerBuilder.forPort(
        0,
        certificate == null
            ? InsecureServerCredentials.create()
            : TlsServerCredentials.create(certificate, key));
  }

  static ManagedChannelBuilder<?> channel(String target) {
    return OkHttpChannelBuilder.forTarget(target);
  }
}
