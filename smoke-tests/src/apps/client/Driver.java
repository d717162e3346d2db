import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Does what it is told on stdin, a line each, and answers with a line on stdout that begins with
 * the line's first word:
 *
 * <pre>
 * ID WAY URL [option=VALUE ...]   a call, on a thread of its own; see Ask
 * ID cancel                       cancels that call
 * ID busy                         calls under way and connections that are not idle
 * ID threads                      threads that live
 * ID socket URL                   a WebSocket
 * ID own WHAT URL                 what only this library's row asks
 * ID front                        a server whose requests are such calls; its port
 * </pre>
 */
public final class Driver {
  private static final Map<String, Result> RESULTS = new ConcurrentHashMap<>();

  public static void main(String[] args) throws Exception {
    Calls calls = (Calls) Class.forName("Library").getConstructor().newInstance();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("READY 0");
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.trim().split(" ");
      String id = words[0];
      if (words[1].equals("cancel")) {
        RESULTS.get(id).cancel();
        continue;
      }
      Result result = new Result();
      RESULTS.put(id, result);
      Thread t =
          new Thread(
              () -> {
                String told;
                try {
                  told = run(calls, Arrays.copyOfRange(words, 1, words.length), result);
                } catch (Throwable broken) {
                  broken.printStackTrace();
                  told = "BROKEN " + broken;
                }
                System.out.println(id + " " + told);
              },
              "application");
      t.setDaemon(true);
      t.start();
    }
  }

  private static String run(Calls calls, String[] words, Result result) throws Exception {
    switch (words[0]) {
      case "busy":
        return "busy=" + calls.busy();
      case "threads":
        return "threads=" + Thread.getAllStackTraces().size();
      case "socket":
        return calls.webSocket(words[1], "hello");
      case "own":
        return calls.own(words[1], words[2]);
      case "front":
        // by name: not every class path has what it needs
        return "front="
            + Class.forName("Front").getMethod("start", Calls.class).invoke(null, calls);
      default:
        return call(calls, words, result);
    }
  }

  /** Makes a call on this thread and waits for its end. */
  static String call(Calls calls, String[] words, Result result) throws InterruptedException {
    try {
      calls.make(new Ask(words), result);
    } catch (Exception e) {
      result.failed(e);
    }
    return result.await();
  }
}
