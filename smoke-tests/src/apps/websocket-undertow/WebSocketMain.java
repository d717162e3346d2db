import io.undertow.Undertow;
import io.undertow.servlet.Servlets;
import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.DeploymentManager;
import io.undertow.websockets.jsr.WebSocketDeploymentInfo;
import java.net.InetSocketAddress;

public class WebSocketMain {
  public static void main(String[] args) throws Exception {
    DeploymentInfo info =
        Servlets.deployment()
            .setClassLoader(WebSocketMain.class.getClassLoader())
            .setContextPath("/")
            .setDeploymentName("sockets")
            .addServlet(Servlets.servlet("hello", HelloServlet.class).addMapping("/hello"))
            .addServletContextAttribute(
                WebSocketDeploymentInfo.ATTRIBUTE_NAME,
                new WebSocketDeploymentInfo().addEndpoint(EchoSocket.class));
    DeploymentManager manager = Servlets.defaultContainer().addDeployment(info);
    manager.deploy();
    Undertow server =
        Undertow.builder().addHttpListener(0, "127.0.0.1").setHandler(manager.start()).build();
    server.start();
    System.out.println(
        "READY "
            + ((InetSocketAddress) server.getListenerInfo().get(0).getAddress()).getPort());
  }
}
