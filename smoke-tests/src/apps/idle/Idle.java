/** Does nothing, until its stdin ends. */
public final class Idle {
  public static void main(String[] args) throws Exception {
    System.out.println("READY 0");
    while (System.in.read() >= 0) {
      // waiting for the end
    }
  }
}
