/** Some other vendor's agent: it is there and does nothing. */
public class OtherAgent {
  public static void premain(String options) {}
}
