/** The application given as first argument, with a shutdown hook that never ends. */
public final class HangingHook {
  private HangingHook() {}

  public static void main(String[] args) throws Exception {
    Runtime.getRuntime().addShutdownHook(new Thread(HangingHook::hang, "hangs"));
    Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
  }

  private static void hang() {
    System.out.println("HOOK");
    Object never = new Object();
    synchronized (never) {
      while (true) {
        try {
          never.wait();
        } catch (InterruptedException e) {
          // goes on hanging
        }
      }
    }
  }
}
