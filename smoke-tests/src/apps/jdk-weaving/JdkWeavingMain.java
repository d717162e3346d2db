import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;

/**
 * Calls itself by the JDK's own client at each {@code call} on stdin, and tells what was counted;
 * at {@code shape}, how many members the client's class has.
 */
public final class JdkWeavingMain {
  private static final String CLIENT = "sun.net.www.protocol.http.HttpURLConnection";

  public static void main(String[] args) throws Exception {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread t = new Thread(() -> serve(server));
    t.setDaemon(true);
    t.start();
    URL url = new URL("http://127.0.0.1:" + server.getLocalPort() + "/");
    System.out.println("READY " + server.getLocalPort());
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      if (line.equals("call")) {
        int code = ((HttpURLConnection) url.openConnection()).getResponseCode();
        System.out.println(
            "CALLED "
                + code
                + " connection="
                + System.getProperty("counted.connection", "0")
                + " url="
                + System.getProperty("counted.url", "0"));
      } else {
        Class<?> c = Class.forName(CLIENT, false, null);
        System.out.println(
            "SHAPE fields="
                + c.getDeclaredFields().length
                + " methods="
                + c.getDeclaredMethods().length
                + " constructors="
                + c.getDeclaredConstructors().length
                + " interfaces="
                + c.getInterfaces().length);
      }
    }
    System.exit(0);
  }

  private static void serve(ServerSocket server) {
    while (true) {
      try (Socket s = server.accept()) {
        BufferedReader in =
            new BufferedReader(
                new InputStreamReader(s.getInputStream(), StandardCharsets.ISO_8859_1));
        for (String line; (line = in.readLine()) != null && !line.isEmpty(); ) {
          // headers
        }
        s.getOutputStream()
            .write(
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.ISO_8859_1));
      } catch (IOException gone) {
        // the next one
      }
    }
  }
}
