import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A call that the test asks for: {@code WAY URL [option=VALUE ...]}. The way is one of those that
 * the row names. Options:
 *
 * <pre>
 * method=POST          with a short body; else GET
 * header.NAME=VALUE
 * readTimeout=MS       the library's time-out for an answer that does not come
 * callTimeout=MS       its time-out for the whole call
 * client=few           asynchronous calls have four threads, and as many calls as one likes
 * client=one           a pool of one connection
 * client=proxy:PORT    by an HTTP proxy on 127.0.0.1
 * client=h2            HTTP/2 (without TLS: known beforehand)
 * client=fresh         a client that no call has used before
 * </pre>
 */
public final class Ask {
  public final String way;
  public final String url;
  public final Map<String, String> headers = new LinkedHashMap<>();
  public String method = "GET";
  public int readTimeout;
  public int callTimeout;

  /** Which client makes it; empty for the common one. */
  public String client = "";

  Ask(String[] words) {
    way = words[0];
    url = words[1];
    for (int i = 2; i < words.length; i++) {
      int eq = words[i].indexOf('=');
      String name = words[i].substring(0, eq);
      String value = words[i].substring(eq + 1);
      switch (name) {
        case "method":
          method = value;
          break;
        case "readTimeout":
          readTimeout = Integer.parseInt(value);
          break;
        case "callTimeout":
          callTimeout = Integer.parseInt(value);
          break;
        case "client":
          client = value;
          break;
        default:
          if (!name.startsWith("header.")) {
            throw new IllegalArgumentException(words[i]);
          }
          headers.put(name.substring(7), value);
      }
    }
  }

  /** Of {@code client=proxy:PORT}, else 0. */
  public int proxyPort() {
    return client.startsWith("proxy:") ? Integer.parseInt(client.substring(6)) : 0;
  }
}
