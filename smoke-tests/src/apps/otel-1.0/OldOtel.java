import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.sdk.OpenTelemetrySdk;

/** {@code MAIN ARGUMENTS...}: runs MAIN after it has set up an OpenTelemetry that only traces. */
public final class OldOtel {
  public static void main(String[] args) throws Exception {
    OpenTelemetrySdk sdk = OpenTelemetrySdk.builder().buildAndRegisterGlobal();
    if (sdk.getTracerProvider() == GlobalOpenTelemetry.getTracerProvider()
        || GlobalOpenTelemetry.getTracer("x").spanBuilder("s").startSpan().getSpanContext().isValid()) {
      System.out.println("OWN GLOBAL");
    }
    Class.forName(args[0])
        .getMethod("main", String[].class)
        .invoke(null, (Object) java.util.Arrays.copyOfRange(args, 1, args.length));
  }
}
