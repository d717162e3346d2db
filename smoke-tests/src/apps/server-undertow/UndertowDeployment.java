import io.undertow.servlet.api.DeploymentInfo;
import io.undertow.servlet.api.ServletContainerInitializerInfo;
import io.undertow.websockets.jsr.WebSocketDeploymentInfo;
import java.util.Collections;
import java.util.Set;
import java.util.function.Function;
import javax.servlet.ServletContainerInitializer;
import javax.servlet.ServletContext;
import site.Wars;

/** WebSockets, and what the war brings. */
public class UndertowDeployment implements Function<Object[], Object> {
  public static class Install implements ServletContainerInitializer {
    @Override
    public void onStartup(Set<Class<?>> classes, ServletContext context) {
      Wars.install(context);
    }
  }

  @Override
  public Object apply(Object[] parts) {
    DeploymentInfo info = (DeploymentInfo) parts[0];
    add(info);
    info.addServletContextAttribute(
        WebSocketDeploymentInfo.ATTRIBUTE_NAME,
        new WebSocketDeploymentInfo().addEndpoint(EchoSocket.class));
    return null;
  }

  static void add(DeploymentInfo info) {
    info.addServletContainerInitializer(
        new ServletContainerInitializerInfo(Install.class, Collections.emptySet()));
  }
}
