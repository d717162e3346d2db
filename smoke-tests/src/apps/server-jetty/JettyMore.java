import java.util.function.Function;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandlerCollection;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import site.Site;
import site.Wars;
import websocket.Initializer;

/** Connectors with TLS and for HTTP/2, WebSockets, and a second application at {@code /other}. */
public class JettyMore implements Function<Object[], Object> {
  @Override
  public Object apply(Object[] parts) {
    Server server = (Server) parts[0];
    ServletContextHandler first = (ServletContextHandler) parts[1];
    boolean filter = (Boolean) parts[2];
    Initializer.configure(first, (context, container) -> container.addEndpoint(EchoSocket.class));
    ServletContextHandler second = new ServletContextHandler(ServletContextHandler.SESSIONS);
    second.setContextPath("/other");
    second.addBean(
        new AbstractLifeCycle() {
          @Override
          protected void doStart() {
            Site.install(second.getServletContext(), filter);
          }
        });
    for (ServletContextHandler c : new ServletContextHandler[] {first, second}) {
      c.addBean(
          new AbstractLifeCycle() {
            @Override
            protected void doStart() {
              Wars.install(c.getServletContext());
            }
          });
    }
    ContextHandlerCollection both = new ContextHandlerCollection();
    both.addHandler(first);
    both.addHandler(second);
    server.setHandler(both);

    SslContextFactory.Server tls = new SslContextFactory.Server();
    tls.setKeyStorePath(System.getProperty("site.keys"));
    tls.setKeyStorePassword("changeit");
    tls.setKeyStoreType("PKCS12");
    HttpConfiguration http = new HttpConfiguration();
    ServerConnector[] connectors = {
      new ServerConnector(server, 1, 1, tls),
      new ServerConnector(
          server,
          1,
          1,
          new HttpConnectionFactory(http),
          new HTTP2CServerConnectionFactory(http))
    };
    for (ServerConnector c : connectors) {
      c.setHost("127.0.0.1");
      server.addConnector(c);
    }
    // two more connectors have an acceptor and a selector each
    ((org.eclipse.jetty.util.thread.QueuedThreadPool) server.getThreadPool()).setMaxThreads(12);
    return null;
  }
}
