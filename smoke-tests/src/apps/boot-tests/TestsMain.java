import java.io.PrintWriter;
import org.junit.platform.console.ConsoleLauncher;

/** JUnit's own console launcher, which begins and ends when told so on stdin. */
public final class TestsMain {
  public static void main(String[] args) throws Exception {
    System.out.println("READY 0");
    System.in.read();
    PrintWriter out = new PrintWriter(System.out, true);
    ConsoleLauncher.run(out, out, args);
    System.out.println("DONE");
    System.in.read();
    System.exit(0);
  }
}
