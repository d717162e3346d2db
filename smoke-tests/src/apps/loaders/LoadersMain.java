import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.ProtectionDomain;
import java.util.concurrent.Callable;

/**
 * Calls itself by a client that was loaded in one of the ways there are, once for each line it is
 * told: {@code LoadersMain HOW JAR...}, HOW one of unnamed, direct, heap, middle or app, the last
 * by the class path.
 */
public class LoadersMain {
  @SuppressWarnings("unchecked")
  public static void main(String[] args) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.start();
    System.setProperty("port", "" + server.getAddress().getPort());
    Class<?> type;
    if (args[0].equals("app")) {
      type = Class.forName("Call");
    } else {
      URL[] urls = new URL[args.length - 1];
      for (int i = 0; i < urls.length; i++) {
        urls[i] = Path.of(args[i + 1]).toUri().toURL();
      }
      type = new Odd(args[0], urls).loadClass("Call");
    }
    Callable<Integer> call = (Callable<Integer>) type.getConstructor().newInstance();
    System.out.println("READY " + server.getAddress().getPort());
    BufferedReader told = new BufferedReader(new InputStreamReader(System.in));
    while (told.readLine() != null) {
      System.out.println("CODE " + call.call());
    }
    server.stop(0);
  }

  /** Defines its classes in a way that few loaders do. */
  private static final class Odd extends URLClassLoader {
    private final String how;

    Odd(String how, URL[] urls) {
      super(urls, ClassLoader.getPlatformClassLoader());
      this.how = how;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      byte[] b;
      try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (in == null) {
          throw new ClassNotFoundException(name);
        }
        b = in.readAllBytes();
      } catch (java.io.IOException e) {
        throw new ClassNotFoundException(name, e);
      }
      ProtectionDomain domain = LoadersMain.class.getProtectionDomain();
      switch (how) {
        case "unnamed":
          return defineClass(null, b, 0, b.length);
        case "direct":
          ByteBuffer direct = ByteBuffer.allocateDirect(b.length + 7).position(7).put(b).flip();
          return defineClass(name, direct.position(7), domain);
        case "heap":
          return defineClass(name, ByteBuffer.wrap(b).asReadOnlyBuffer(), domain);
        default:
          byte[] middle = new byte[b.length + 20];
          System.arraycopy(b, 0, middle, 7, b.length);
          return defineClass(name, middle, 7, b.length, domain);
      }
    }
  }
}
