import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.servlet.api.ServletContainerInitializerInfo;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.KeyStore;
import java.util.Collections;
import java.util.function.Function;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A listener with TLS, HTTP/2, and a second application at {@code /other}. */
public class UndertowMore implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    try {
      DeploymentInfo info =
          Servlets.deployment()
              .setClassLoader(UndertowMore.class.getClassLoader())
              .setContextPath("/other")
              .setDeploymentName("other")
              .addServletContainerInitializer(
                  new ServletContainerInitializerInfo(
                      UndertowMain.Install.class, Collections.emptySet()));
      UndertowDeployment.add(info);
      DeploymentManager manager = Servlets.defaultContainer().addDeployment(info);
      manager.deploy();
      HttpHandler both =
          Handlers.path((HttpHandler) parts[1]).addPrefixPath("/other", manager.start());
      ((Undertow.Builder) parts[0])
          .addHttpsListener(0, "127.0.0.1", tls())
          .setServerOption(UndertowOptions.ENABLE_HTTP2, true)
          .setHandler(both);
      return null;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static SSLContext tls() throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = new FileInputStream(System.getProperty("site.keys"))) {
      keys.load(in, "changeit".toCharArray());
    }
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, "changeit".toCharArray());
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(managers.getKeyManagers(), null, null);
    return tls;
  }
}
