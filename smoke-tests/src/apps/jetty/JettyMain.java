import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ErrorPageErrorHandler;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import site.Full;
import site.Site;

public class JettyMain {
  public static void main(String[] args) throws Exception {
    Server server =
        new Server(
            new QueuedThreadPool(8) {
              @Override
              public void execute(Runnable task) {
                Full.check();
                super.execute(task);
              }
            });
    ServerConnector connector = new ServerConnector(server, 1, 1);
    connector.setHost("127.0.0.1");
    connector.setIdleTimeout(Long.getLong("site.idle", connector.getIdleTimeout()));
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler(ServletContextHandler.SESSIONS);
    context.setContextPath("/");
    ErrorPageErrorHandler errors = new ErrorPageErrorHandler();
    errors.addErrorPage(400, 599, "/error-page");
    context.setErrorHandler(errors);
    context.addBean(
        new AbstractLifeCycle() {
          @Override
          protected void doStart() {
            context.getServletContext().setExtendedListenerTypes(true);
            Site.install(context.getServletContext(), args.length > 0);
          }
        });
    server.setHandler(context);
    Site.more("JettyMore", server, context, args.length > 0);
    server.start();
    Site.more("JettyPorts", server);
    System.out.println("READY " + connector.getLocalPort());
    server.join();
  }
}
