import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The service {@code shop.Stock}: a method of each type, strings both ways. */
final class Wire {
  static final MethodDescriptor<String, String> UNARY =
      method("Get", MethodDescriptor.MethodType.UNARY);
  static final MethodDescriptor<String, String> CLIENT =
      method("Put", MethodDescriptor.MethodType.CLIENT_STREAMING);
  static final MethodDescriptor<String, String> SERVER =
      method("Watch", MethodDescriptor.MethodType.SERVER_STREAMING);
  static final MethodDescriptor<String, String> BIDI =
      method("Chat", MethodDescriptor.MethodType.BIDI_STREAMING);

  /** Tells how often a handler of the four above has run. */
  static final MethodDescriptor<String, String> COUNT =
      method("Count", MethodDescriptor.MethodType.UNARY);

  /** gRPC's health service by name, though not by message. */
  static final MethodDescriptor<String, String> HEALTH_CHECK =
      method("grpc.health.v1.Health", "Check", MethodDescriptor.MethodType.UNARY);

  static final MethodDescriptor<String, String> HEALTH_WATCH =
      method("grpc.health.v1.Health", "Watch", MethodDescriptor.MethodType.SERVER_STREAMING);

  private Wire() {}

  private static MethodDescriptor<String, String> method(
      String name, MethodDescriptor.MethodType type) {
    return method("shop.Stock", name, type);
  }

  private static MethodDescriptor<String, String> method(
      String service, String name, MethodDescriptor.MethodType type) {
    return MethodDescriptor.<String, String>newBuilder()
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(service, name))
        .setRequestMarshaller(Text.INSTANCE)
        .setResponseMarshaller(Text.INSTANCE)
        .build();
  }

  private enum Text implements MethodDescriptor.Marshaller<String> {
    INSTANCE;

    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] some = new byte[4096];
        for (int n; (n = stream.read(some)) > 0; ) {
          all.write(some, 0, n);
        }
        return new String(all.toByteArray(), StandardCharsets.UTF_8);
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
