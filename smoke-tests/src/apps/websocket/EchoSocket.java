import javax.websocket.OnMessage;
import javax.websocket.server.ServerEndpoint;

@ServerEndpoint("/echo-socket")
public class EchoSocket {
  @OnMessage
  public String said(String text) {
    return text;
  }
}
