package io.weir.demo;

/** What the demo prints. Colours only on a terminal and when NO_COLOR is not set. */
final class Screen {
  private final boolean colour =
      System.getenv("NO_COLOR") == null
          && (System.console() != null || System.getenv("FORCE_COLOR") != null);

  void chapter(int n, String title) {
    System.out.println();
    System.out.println(
        paint(
            "1;36", "── " + n + ". " + title + " " + "─".repeat(Math.max(2, 74 - title.length()))));
  }

  void say(String text) {
    System.out.println("   " + text);
  }

  /** For the reader to type. */
  void command(String text) {
    System.out.println("   " + paint("35", "$ " + text));
  }

  void rule(String key, String text) {
    System.out.println("   " + paint("35", "put " + key + "  " + text.replace("\n", " ")));
  }

  void good(String text) {
    System.out.println("   " + paint("1;32", "✔ " + text));
  }

  void bad(String text) {
    System.out.println("   " + paint("1;31", "✘ " + text));
  }

  /**
   * One line of a second's answers: green what passed, yellow what was refused, red what failed.
   */
  void second(String at, long ok, long refused, long failed) {
    System.out.printf(
        "   %-7s %s%s%s  %d ok  %d refused (429)  %d failed (5xx)%n",
        at,
        paint("32", bar(ok)),
        paint("33", bar(refused)),
        paint("31", bar(failed)),
        ok,
        refused,
        failed);
  }

  private static String bar(long n) {
    return "█".repeat((int) Math.min(50, (n + 9) / 10));
  }

  private String paint(String code, String text) {
    return colour ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
  }
}
