package io.weir.agent.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Calendar;
import java.util.GregorianCalendar;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TimeZone;

/**
 * Reads an access log line by line: the common and combined formats of Apache and nginx, and JSON
 * lines. Which of them is told by each line's first character.
 *
 * <p>A line that cannot be read is counted and skipped. One thread; the {@link DescribedCall} told
 * is only good during the telling.
 */
final class AccessLog {
  /** Told each line. */
  interface Reader {
    /**
     * @param nanos since 1970
     * @param coarse the log knows whole seconds only
     */
    void call(DescribedCall call, long nanos, boolean coarse);
  }

  private static final long SECOND = 1_000_000_000L;
  private static final int LONGEST_LINE = 1 << 20;
  private static final String MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
  private static final String[] METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"};

  private final JsonFactory json = new JsonFactory();
  private final Reader reader;
  private byte[] line = new byte[8192];
  private int length;
  private long lines;
  private long bad;
  private long firstBad;

  // of the common format: lines of one second share their time
  private final byte[] lastTime = new byte[26];
  private long lastNanos;

  // of a JSON line
  private boolean wholeSeconds;

  AccessLog(Reader reader) {
    this.reader = reader;
  }

  long lines() {
    return lines;
  }

  /** Lines skipped. */
  long bad() {
    return bad;
  }

  /** Number of the first line skipped, from 1; 0: none was. */
  long firstBad() {
    return firstBad;
  }

  void read(InputStream in) throws IOException {
    byte[] buffer = new byte[1 << 18];
    for (int n; (n = in.read(buffer)) > 0; ) {
      int from = 0;
      for (int i = 0; i < n; i++) {
        if (buffer[i] == '\n') {
          append(buffer, from, i);
          line();
          from = i + 1;
        }
      }
      append(buffer, from, n);
    }
    if (length > 0) {
      line();
    }
  }

  private void append(byte[] from, int start, int end) {
    int n = Math.min(end - start, LONGEST_LINE - length);
    if (length + n > line.length) {
      line = java.util.Arrays.copyOf(line, Math.max(line.length * 2, length + n));
    }
    System.arraycopy(from, start, line, length, n);
    length += n;
  }

  private void line() {
    if (length > 0 && line[length - 1] == '\r') {
      length--;
    }
    if (length > 0) {
      lines++;
      boolean read;
      try {
        read = line[0] == '{' ? object() : common();
      } catch (IOException | RuntimeException unreadable) {
        read = false;
      }
      if (!read) {
        bad++;
        firstBad = firstBad == 0 ? lines : firstBad;
      }
    }
    length = 0;
  }

  // ---- HOST IDENT USER [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "REFERER" "AGENT"

  private boolean common() {
    int open = find('[', 0);
    int quote = open < 0 ? -1 : find('"', open + 27);
    int close = quote < 0 ? -1 : closing(quote + 1);
    if (close < 0 || line[open + 27] != ']') {
      return false;
    }
    long nanos = time(open + 1);
    DescribedCall call = new DescribedCall();
    int space = find(' ', 0);
    call.clientIp = text(0, space);
    if (!request(call, quote + 1, close)) {
      return false;
    }
    call.status = status(close + 2);
    int referer = find('"', close + 1);
    int refererEnd = referer < 0 ? -1 : closing(referer + 1);
    int agent = refererEnd < 0 ? -1 : find('"', refererEnd + 1);
    int agentEnd = agent < 0 ? -1 : closing(agent + 1);
    if (agentEnd > 0) {
      header(call, "referer", referer + 1, refererEnd);
      header(call, "user-agent", agent + 1, agentEnd);
    }
    reader.call(call, nanos, true);
    return true;
  }

  /** Three digits, or -1: some servers write a dash for a caller that went away. */
  private int status(int at) {
    int n = 0;
    for (int i = at; i < at + 3; i++) {
      if (i >= length || line[i] < '0' || line[i] > '9') {
        return -1;
      }
      n = n * 10 + line[i] - '0';
    }
    return n;
  }

  private boolean request(DescribedCall call, int from, int to) {
    int space = find(' ', from);
    if (space < 0 || space >= to) {
      return false;
    }
    call.method = method(from, space);
    int end = find(' ', space + 1);
    end = end < 0 || end > to ? to : end;
    call.target(text(space + 1, end));
    return true;
  }

  private void header(DescribedCall call, String name, int from, int to) {
    if (to - from != 1 || line[from] != '-') {
      call.header(name, text(from, to));
    }
  }

  private String method(int from, int to) {
    for (String m : METHODS) {
      if (m.length() == to - from && line[from] == m.charAt(0) && line[from + 1] == m.charAt(1)) {
        return m;
      }
    }
    return text(from, to);
  }

  private long time(int at) {
    boolean same = true;
    for (int i = 0; i < 26 && same; i++) {
      same = lastTime[i] == line[at + i];
    }
    if (!same) {
      lastTime[0] = 0; // until it is known to be a time
      int month = MONTHS.indexOf(text(at + 3, at + 6));
      Calendar c = new GregorianCalendar(TimeZone.getTimeZone("UTC"));
      c.clear();
      c.setLenient(false);
      c.set(
          digits(at + 7, 4),
          month < 0 ? month : month / 3,
          digits(at, 2),
          digits(at + 12, 2),
          digits(at + 15, 2),
          digits(at + 18, 2));
      int zone = digits(at + 22, 2) * 3600 + digits(at + 24, 2) * 60;
      long seconds = c.getTimeInMillis() / 1000 + (line[at + 21] == '-' ? zone : -zone);
      lastNanos = seconds * SECOND;
      System.arraycopy(line, at, lastTime, 0, 26);
    }
    return lastNanos;
  }

  private int digits(int at, int count) {
    int n = 0;
    for (int i = at; i < at + count; i++) {
      int d = line[i] - '0';
      if (d < 0 || d > 9) {
        throw new IllegalArgumentException();
      }
      n = n * 10 + d;
    }
    return n;
  }

  private int find(int c, int from) {
    for (int i = from; i < length; i++) {
      if (line[i] == c) {
        return i;
      }
    }
    return -1;
  }

  /** The quote that closes, past escaped ones. */
  private int closing(int from) {
    for (int i = from; i < length; i++) {
      if (line[i] == '\\') {
        i++;
      } else if (line[i] == '"') {
        return i;
      }
    }
    return -1;
  }

  private String text(int from, int to) {
    return new String(line, from, to - from, StandardCharsets.UTF_8);
  }

  // ---- {"time": 1700000000.25, "method": "GET", "path": "/a", "query": "b=c", "headers": {...}}

  private boolean object() throws IOException {
    DescribedCall call = new DescribedCall();
    long nanos = Long.MIN_VALUE;
    String query = null;
    try (JsonParser p = json.createParser(line, 0, length)) {
      p.nextToken();
      while (p.nextToken() == JsonToken.FIELD_NAME) {
        String name = p.currentName();
        p.nextToken();
        switch (name) {
          case "time":
          case "ts":
          case "timestamp":
          case "@timestamp":
            nanos = instant(p);
            break;
          case "method":
          case "request_method":
            call.method = p.getText();
            break;
          case "path":
          case "uri":
          case "url":
          case "request_uri":
            call.target(p.getText());
            break;
          case "query":
          case "args":
          case "query_string":
            query = p.getText();
            break;
          case "status":
          case "status_code":
            call.status = (int) Double.parseDouble(p.getText());
            break;
          case "duration_ms":
            call.tookNanos = (long) (Double.parseDouble(p.getText()) * 1e6);
            break;
          case "request_time": // nginx: seconds
            call.tookNanos = (long) (Double.parseDouble(p.getText()) * 1e9);
            break;
          case "host":
            call.host = p.getText();
            break;
          case "client_ip":
          case "remote_addr":
          case "ip":
            call.clientIp = p.getText();
            break;
          case "caller":
            call.caller = p.getText();
            break;
          case "headers":
            for (Map.Entry<String, String> h : map(p).entrySet()) {
              call.header(h.getKey(), h.getValue());
            }
            break;
          case "tags":
            call.tags = map(p);
            break;
          default:
            p.skipChildren();
        }
      }
    }
    if (nanos == Long.MIN_VALUE) {
      return false;
    }
    if (query != null && !query.isEmpty()) {
      call.query = query.startsWith("?") ? query.substring(1) : query;
    }
    reader.call(call, nanos, wholeSeconds);
    return true;
  }

  /** Seconds or milliseconds since 1970, as a number or in digits, or ISO 8601 with its zone. */
  private long instant(JsonParser p) throws IOException {
    wholeSeconds = p.getText().indexOf('.') < 0;
    if (p.currentToken() == JsonToken.VALUE_STRING && p.getText().indexOf('T') > 0) {
      try {
        OffsetDateTime t = OffsetDateTime.parse(p.getText());
        return t.toEpochSecond() * SECOND + t.getNano();
      } catch (DateTimeParseException e) {
        throw new IOException(e);
      }
    }
    double d = Double.parseDouble(p.getText());
    wholeSeconds &= d <= 1e11;
    return d > 1e11 ? (long) d * 1_000_000L : (long) d * SECOND + (long) ((d - (long) d) * SECOND);
  }

  private static Map<String, String> map(JsonParser p) throws IOException {
    Map<String, String> m = new LinkedHashMap<String, String>();
    if (p.currentToken() != JsonToken.START_OBJECT) {
      p.skipChildren();
      return m;
    }
    while (p.nextToken() == JsonToken.FIELD_NAME) {
      String name = p.currentName();
      p.nextToken();
      if (p.currentToken().isScalarValue()) {
        m.put(name, p.getText());
      } else {
        p.skipChildren();
      }
    }
    return m;
  }
}
