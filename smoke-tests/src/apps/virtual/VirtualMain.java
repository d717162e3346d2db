import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import okhttp3.Call;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.ValveBase;
import site.Site;

/**
 * A Tomcat and an OkHttp client on virtual threads, and a flight recorder that watches for pinned
 * ones. {@code call URL N} makes N calls at once and, when half of them are refused, cancels the
 * others; {@code record} begins to watch, {@code end} tells what was pinned.
 */
public final class VirtualMain {
  private static final Logger LOG = Logger.getLogger("org.apache");

  /** With this in its way a request cannot be asynchronous. */
  public static final class OldValve extends ValveBase {
    public OldValve() {
      super(false);
    }

    @Override
    public void invoke(
        org.apache.catalina.connector.Request request,
        org.apache.catalina.connector.Response response)
        throws IOException, javax.servlet.ServletException {
      getNext().invoke(request, response);
    }
  }

  public static void main(String[] args) throws Exception {
    LOG.setLevel(Level.SEVERE);
    Recording recording = new Recording();
    recording.enable("jdk.VirtualThreadPinned").withThreshold(Duration.ZERO).withStackTrace();
    // the class files are for an older JDK as well
    ExecutorService virtual =
        (ExecutorService)
            Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    String base = Files.createTempDirectory("tomcat").toString();
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(base);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    tomcat.getConnector().getProtocolHandler().setExecutor(virtual);
    Context context = tomcat.addContext("", base);
    if (args.length > 0) {
      context.getPipeline().addValve(new OldValve());
    }
    context.addServletContainerInitializer(
        (classes, servlets) -> Site.install(servlets, true), null);
    tomcat.start();
    System.out.println("READY " + tomcat.getConnector().getLocalPort());
    Scanner in = new Scanner(System.in);
    while (in.hasNextLine()) {
      String[] word = in.nextLine().split(" ");
      if (word[0].equals("call")) {
        call(virtual, word[1], Integer.parseInt(word[2]));
      } else if (word[0].equals("record")) {
        recording.start();
        System.out.println("recording");
      } else {
        recording.stop();
        Path file = Files.createTempFile("pinned", ".jfr");
        recording.dump(file);
        int ours = 0;
        List<RecordedEvent> events = RecordingFile.readAllEvents(file);
        for (RecordedEvent e : events) {
          if (e.getStackTrace() != null
              && e.getStackTrace().getFrames().stream()
                  .anyMatch(f -> f.getMethod().getType().getName().startsWith("io.weir."))) {
            ours++;
            System.out.println(e);
          }
        }
        System.out.println("pinned " + events.size() + " times, by us " + ours);
        System.exit(0);
      }
    }
  }

  private static void call(ExecutorService virtual, String url, int n) throws Exception {
    OkHttpClient client = new OkHttpClient();
    AtomicInteger ok = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    AtomicInteger cancelled = new AtomicInteger();
    List<Call> calls = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Call call = client.newCall(new Request.Builder().url(url).build());
      calls.add(call);
      virtual.execute(
          () -> {
            try (Response r = call.execute()) {
              (r.code() == 429 ? refused : ok).incrementAndGet();
            } catch (IOException e) {
              cancelled.incrementAndGet();
            }
          });
    }
    long until = System.nanoTime() + 30_000_000_000L;
    while (ok.get() + refused.get() < n / 2 && System.nanoTime() < until) {
      Thread.sleep(5);
    }
    int waiting = n - ok.get() - refused.get() - cancelled.get();
    calls.forEach(Call::cancel);
    while (ok.get() + refused.get() + cancelled.get() < n && System.nanoTime() < until) {
      Thread.sleep(5);
    }
    System.out.println(
        "called ok=" + ok + " refused=" + refused + " waiting=" + waiting + " cancelled=" + cancelled);
  }
}
