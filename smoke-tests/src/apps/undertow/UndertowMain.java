import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.servlet.api.ServletContainerInitializerInfo;
import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.servlet.ServletContainerInitializer;
import javax.servlet.ServletContext;
import site.Full;
import site.Site;

public class UndertowMain {
  static boolean filter;

  public static class Install implements ServletContainerInitializer {
    @Override
    public void onStartup(Set<Class<?>> classes, ServletContext context) {
      Site.install(context, filter);
    }
  }

  public static void main(String[] args) throws Exception {
    filter = args.length > 0;
    DeploymentInfo info =
        Servlets.deployment()
            .setClassLoader(UndertowMain.class.getClassLoader())
            .setContextPath("/")
            .setDeploymentName("site")
            .addErrorPage(Servlets.errorPage("/error-page"))
            .addServletContainerInitializer(
                new ServletContainerInitializerInfo(Install.class, Collections.emptySet()));
    Site.more("UndertowDeployment", info);
    if (System.getProperty("site.full") != null) {
      ExecutorService pool = Executors.newFixedThreadPool(4);
      info.setExecutor(
          task -> {
            Full.check();
            pool.execute(task);
          });
    }
    DeploymentManager manager = Servlets.defaultContainer().addDeployment(info);
    manager.deploy();
    Undertow.Builder builder =
        Undertow.builder()
            .addHttpListener(0, "127.0.0.1")
            .setServerOption(UndertowOptions.IDLE_TIMEOUT, Integer.getInteger("site.idle", -1))
            .setServerOption(
                UndertowOptions.NO_REQUEST_TIMEOUT, Integer.getInteger("site.idle", 60_000))
            .setIoThreads(1)
            .setWorkerThreads(4)
            .setHandler(manager.start());
    Site.more("UndertowMore", builder, manager.getDeployment().getHandler());
    Undertow server = builder.build();
    server.start();
    Site.more("UndertowPorts", server);
    System.out.println(
        "READY "
            + ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort());
  }
}
