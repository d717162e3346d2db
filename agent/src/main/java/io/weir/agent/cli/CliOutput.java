package io.weir.agent.cli;

import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a command speaks: data on stdout, talk on stderr. Colour only towards a person: on a
 * terminal, and not when NO_COLOR is set. Text that came from elsewhere loses its control
 * characters on the way, so that a rule or a host name cannot drive the terminal.
 *
 * <p>{@link #screen} takes the whole terminal, as a pager does: its alternate screen, so that what
 * stood there comes back, without wrapping and without cursor. It is given back by {@link #close},
 * also when the program is interrupted; a frame is written in one go or, after that, not at all.
 *
 * <p>One thread, but for {@link #close}.
 */
final class CliOutput {
  /** Colours, by meaning. */
  enum Ink {
    GOOD("32"),
    BAD("31"),
    DOUBTFUL("33"),
    STRONG("1"),
    FAINT("2");

    private final String code;

    Ink(String code) {
      this.code = code;
    }
  }

  private final PrintStream data;
  private final PrintStream talk;
  private final boolean colour;
  private final boolean painter;
  final boolean terminal;
  boolean json;

  /** What is painted next; null: lines go out as they come. */
  private @Nullable StringBuilder frame;

  private int rows;
  private int hidden;
  private boolean screen;

  CliOutput(PrintStream data, PrintStream talk, Map<String, String> environment) {
    this.data = data;
    this.talk = talk;
    terminal = isTerminal();
    String no = environment.get("NO_COLOR");
    painter = !"dumb".equals(environment.get("TERM"));
    colour = terminal && (no == null || no.isEmpty()) && painter;
  }

  /** From JDK 22 on there is a Console also without a terminal, and it says so. */
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (Boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException before22) {
      return true;
    }
  }

  /** A line of the answer. */
  void line(String text) {
    if (frame == null) {
      data.println(clean(text));
    } else if (rows > 1) {
      rows--;
      frame.append(clean(text)).append("\u001b[K\r\n");
    } else {
      hidden++;
    }
  }

  /** The answer, for machines. */
  void json(Object value) {
    data.println(Json.write(value));
  }

  /** A line of talk. */
  void say(String text) {
    if (frame != null) {
      line(text);
      return;
    }
    data.flush(); // on a terminal both are one: in the order they were said
    talk.println(clean(text));
  }

  /** Whether somebody at the terminal says yes; false where there is nobody to ask. */
  boolean ask(String question) {
    Console console = canAsk() ? System.console() : null;
    if (console == null) {
      return false;
    }
    data.flush();
    talk.print(question + " [y/N] ");
    talk.flush();
    String answer = console.readLine();
    return answer != null && answer.trim().matches("(?i)y|yes");
  }

  /** Whether there is somebody to ask. */
  boolean canAsk() {
    return terminal && !json;
  }

  /** The next useful command. */
  void next(String command) {
    data.flush();
    talk.println(ink(Ink.FAINT, "next: ") + clean(command));
  }

  /** {@code 1 rule}, {@code 2 rules}. */
  static String count(int n, String what) {
    return n + " " + what + (n == 1 ? "" : "s");
  }

  String ink(Ink ink, String text) {
    return colour ? "\u001b[" + ink.code + "m" + text + "\u001b[0m" : text;
  }

  /** Whether a view can be painted again and again. */
  boolean canPaint() {
    return terminal && painter && !json;
  }

  /** Takes the terminal until {@link #close}. */
  void screen() {
    synchronized (data) {
      screen = true;
      raw("\u001b[?1049h\u001b[?7l\u001b[?25l");
    }
  }

  /** What is said from here on is the next frame. */
  void frame() {
    frame = new StringBuilder("\u001b[H");
    hidden = 0;
    rows = rows();
  }

  /** Paints it. */
  void paint() {
    StringBuilder painted = Objects.requireNonNull(frame);
    painted
        .append(hidden == 0 ? "" : ink(Ink.FAINT, count(hidden, "line") + " more"))
        .append("\u001b[J");
    synchronized (data) {
      if (screen) {
        raw(painted.toString());
      }
    }
    frame = null;
  }

  /** Gives the terminal back. Any thread; more than once does nothing. */
  void close() {
    synchronized (data) {
      if (screen) {
        screen = false;
        raw("\u001b[?7h\u001b[?25h\u001b[?1049l");
      }
    }
  }

  private void raw(String text) {
    data.print(text);
    data.flush();
  }

  /** Of the terminal as it is now, whoever resized it; many when it does not say. */
  private static int rows() {
    try {
      Process p = new ProcessBuilder("sh", "-c", "stty size </dev/tty").start();
      byte[] said = new byte[32];
      int n = p.getInputStream().read(said);
      int rows = n < 3 ? 0 : Integer.parseInt(new String(said, 0, n, "US-ASCII").split(" ")[0]);
      return rows < 2 ? Integer.MAX_VALUE : rows;
    } catch (IOException | NumberFormatException unknown) {
      return Integer.MAX_VALUE;
    }
  }

  void flush() {
    data.flush();
  }

  /** Columns as wide as their widest cell; the first row is the heading. */
  void table(List<String[]> rows) {
    List<Integer> widths = new ArrayList<Integer>();
    for (String[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        int w = width(row[i]);
        if (i == widths.size()) {
          widths.add(w);
        } else if (w > widths.get(i)) {
          widths.set(i, w);
        }
      }
    }
    for (int r = 0; r < rows.size(); r++) {
      StringBuilder s = new StringBuilder();
      String[] row = rows.get(r);
      for (int i = 0; i < row.length; i++) {
        s.append(row[i]);
        for (int pad = width(row[i]); i < row.length - 1 && pad < widths.get(i) + 2; pad++) {
          s.append(' ');
        }
      }
      line(r == 0 ? ink(Ink.STRONG, s.toString()) : s.toString());
    }
  }

  private static int width(String s) {
    int w = 0;
    for (int i = 0; i < s.length(); i++) {
      if (s.charAt(i) == '\u001b') {
        i = s.indexOf('m', i);
      } else {
        w++;
      }
    }
    return w;
  }

  /** Keeps our own colours and tabs, drops everything else that is no text. */
  private static String clean(String text) {
    StringBuilder s = null;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean ours = c == '\u001b' && text.startsWith("[", i + 1) && ourCode(text, i + 2);
      if (Character.isISOControl(c) && c != '\n' && c != '\t' && !ours) {
        s = s == null ? new StringBuilder(text) : s;
        s.setCharAt(i, '?');
      }
    }
    return s == null ? text : s.toString();
  }

  private static boolean ourCode(String text, int from) {
    int m = text.indexOf('m', from);
    if (m < 0 || m - from > 2 || m == from) {
      return false;
    }
    for (int i = from; i < m; i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }
}
