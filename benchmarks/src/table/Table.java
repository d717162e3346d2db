import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Runs the benchmarks, reads what they print, and makes one table and one picture of what was
 * promised and what was measured. What a part printed stays in {@code benchmarks/target/table}, so a
 * table can be made of parts that ran one by one; a part that never ran has no rows.
 */
public class Table {
  private static final Path RAW = Path.of("benchmarks/target/table");
  private static final Path DOCS = Path.of("docs/performance.md");
  private static final Path PLOT = Path.of("docs/images/performance.svg");
  private static final String BEGIN = "<!-- table -->\n";
  private static final String END = "<!-- end -->\n";

  /** One thing promised: {@code measured} and {@code promised} in {@code unit}, less is better. */
  private record Row(String part, String what, double measured, double promised, String unit) {
    boolean kept() {
      return measured <= promised;
    }

    String told(double v) {
      return unit.isEmpty() ? number(v) : number(v) + " " + unit;
    }

    private static String number(double v) {
      return String.format(Locale.ROOT, v == Math.rint(v) ? "%.0f" : v < 10 ? "%.2f" : "%.1f", v);
    }
  }

  private record Part(List<String> command, boolean hasShort) {}

  private static final Map<String, Part> PARTS = new LinkedHashMap<>();

  static {
    for (String area : List.of("whole", "limiter", "breaker", "route", "servlet", "okhttp", "grpc", "measure")) {
      PARTS.put(area, new Part(List.of("benchmarks/run", area), true));
    }
    PARTS.put("pauses", new Part(List.of("benchmarks/run", "pauses"), false));
    PARTS.put("endtoend", new Part(List.of("benchmarks/endtoend"), true));
    PARTS.put("startup", new Part(List.of("benchmarks/startup"), false));
    PARTS.put("startup-25", new Part(List.of("benchmarks/startup"), false));
    PARTS.put("push", new Part(List.of("scripts/test", "EtcdFigures"), false));
    PARTS.put("rules", new Part(List.of("scripts/test", "FeedFigures"), false));
  }

  public static void main(String[] args) throws Exception {
    List<String> words = new ArrayList<>(Arrays.asList(args));
    boolean quick = words.remove("--short");
    boolean print = words.remove("--print");
    boolean again = words.remove("--again");
    for (String w : words) {
      if (!PARTS.containsKey(w)) {
        System.err.println("benchmarks/table: no part '" + w + "'; there are " + String.join(" ", PARTS.keySet()));
        System.exit(2);
      }
    }
    Files.createDirectories(RAW);
    List<String> run = again ? List.of() : words.isEmpty() ? List.copyOf(PARTS.keySet()) : words;
    for (String part : run) {
      run(part, quick);
    }
    List<Row> rows = new ArrayList<>();
    for (String part : PARTS.keySet()) {
      Path raw = RAW.resolve(part + ".txt");
      if (Files.exists(raw) && (!print || run.contains(part))) {
        rows.addAll(rows(part, Files.readAllLines(raw)));
      } else if (!print) {
        rows.addAll(written(part));
      }
    }
    if (rows.isEmpty()) {
      System.err.println("benchmarks/table: nothing was measured");
      System.exit(1);
    }
    String table = table(rows);
    System.out.println(table);
    if (!print) {
      write(rows, table);
    }
  }

  private static void run(String part, boolean quick) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(PARTS.get(part).command);
    if (quick && PARTS.get(part).hasShort) {
      command.add("--short");
    }
    System.err.println("benchmarks/table: " + part + ": " + String.join(" ", command));
    Path fresh = RAW.resolve(part + ".new");
    ProcessBuilder b = new ProcessBuilder(command).redirectOutput(fresh.toFile());
    b.redirectError(RAW.resolve(part + ".err").toFile());
    if (part.equals("startup-25")) {
      String home = System.getenv("WEIR_JDK25");
      if (home == null) {
        System.err.println("benchmarks/table: WEIR_JDK25 names no JDK 25: its rows are left out");
        return;
      }
      b.environment().put("JAVA_HOME", home);
    }
    int rc = b.start().waitFor();
    if (rc != 0) {
      System.err.println("benchmarks/table: " + part + " ended with " + rc + ", see " + RAW.resolve(part + ".err"));
      System.exit(1);
    }
    Files.move(fresh, RAW.resolve(part + ".txt"), StandardCopyOption.REPLACE_EXISTING);
  }

  private static List<Row> rows(String part, List<String> lines) {
    List<Row> rows = new ArrayList<>();
    switch (part) {
      case "pauses" -> pauses(lines, rows);
      case "endtoend" -> endToEnd(lines, rows);
      case "startup" -> startup("JDK 17", lines, rows);
      case "startup-25" -> startup("JDK 25", lines, rows);
      case "push" -> {
        double[] v = find(lines, "put sent -> rule book handed over, ms: p50 ([\\d.]+)\\s+p99 ([\\d.]+)");
        if (v != null) {
          rows.add(new Row(part, "put in etcd to rules in force, 200 services, p50", v[0], 3, "ms"));
          rows.add(new Row(part, "put in etcd to rules in force, 200 services, p99", v[1], 10, "ms"));
        }
      }
      case "rules" -> {
        double[] v = null;
        for (String l : lines) { // the last round: compiled
          double[] at = find(List.of(l), "10000 rules, CPU time: load (\\d+) ms; swap of one p50 ([\\d.]+) ms");
          v = at == null ? v : at;
        }
        if (v != null) {
          rows.add(new Row(part, "10 000 rules read and in force", v[0] / 1000, 1, "s"));
          rows.add(new Row(part, "one of 10 000 changed, p50", v[1], 20, "ms"));
        }
      }
      default -> {
        Pattern p = Pattern.compile("\\| (.+?)\\s+\\| ([\\d.]+)( B| ns)? \\| <= ([\\d.]+) \\| (kept|MISSED) \\|");
        for (String l : lines) {
          Matcher m = p.matcher(l);
          if (m.matches()) {
            String unit = m.group(3) == null ? "" : m.group(3).trim();
            double promised = Double.parseDouble(m.group(4));
            double measured = Double.parseDouble(m.group(2));
            // both are rounded: the verdict was made before
            measured = m.group(5).equals("MISSED") ? Math.max(measured, Math.nextUp(promised)) : measured;
            rows.add(new Row(part, m.group(1), measured, promised, unit));
          }
        }
      }
    }
    return rows;
  }

  private static double[] find(List<String> lines, String regex) {
    Pattern p = Pattern.compile(regex);
    for (String l : lines) {
      Matcher m = p.matcher(l);
      if (m.find()) {
        double[] v = new double[m.groupCount()];
        for (int i = 0; i < v.length; i++) {
          v[i] = Double.parseDouble(m.group(i + 1));
        }
        return v;
      }
    }
    return null;
  }

  /** The CPU time spent in any call of over a millisecond, while rules were edited; the tokens. */
  private static void pauses(List<String> lines, List<Row> rows) {
    for (String l : lines) {
      double[] v = find(List.of(l), "\\| edited \\|.*\\| (\\d+) \\| (\\d+) \\| \\d+ \\|$");
      if (v != null) {
        String rule = l.split("\\|")[1].trim();
        rows.add(new Row("pauses", rule + ", edited: own time of the longest calls", v[0] / 1000, 1, "ms"));
        rows.add(new Row("pauses", rule + ", edited: waits for a lock", v[1], 0, ""));
      }
      v = find(List.of(l), "(\\d+) edits in .* admitted (\\d+), burst and rate allow ([\\d.]+)");
      if (v != null) {
        rows.add(new Row("pauses", "calls let in beyond what the edited rule allows", Math.max(0, v[1] - Math.floor(v[2])), 0, ""));
        // an edit rounds down to a unit
        rows.add(new Row("pauses", "tokens lost by " + (int) v[0] + " edits", Math.max(0, v[2] - v[1]), Math.rint(v[0] / 1024 * 100) / 100, ""));
      }
    }
  }

  private static void endToEnd(List<String> lines, List<Row> rows) {
    String bare = "";
    for (String l : lines) {
      if (!l.startsWith(" ") && l.contains("bare")) {
        bare = l.replaceAll(", bare\\s.*", "").trim();
      }
      double[] v = find(List.of(l), "^  (?:Weir, .*?)\\s{2,}[\\d.]+\\s+(-?[\\d.]+)%");
      if (v != null) {
        String what = bare + ": " + l.trim().split("\\s{2,}")[0];
        rows.add(new Row("endtoend", what + ", CPU over bare", v[0], 3, "%"));
      }
    }
  }

  private static void startup(String jdk, List<String> lines, List<Row> rows) {
    Map<String, double[]> all = new LinkedHashMap<>();
    for (String name : List.of("bare", "files", "etcd-away")) {
      all.put(name, find(lines, "^" + name + "\\s+([\\d.]+)\\s+([\\d.]+)\\s+([\\d.]+)"));
    }
    double[] bare = all.get("bare");
    String part = jdk.endsWith("25") ? "startup-25" : "startup";
    if (bare != null) {
      double[] files = all.get("files");
      double[] etcd = all.get("etcd-away");
      rows.add(new Row(part, jdk + ": CPU until the first answer, rules from files", round(files[0] - bare[0]), 0.4, "s"));
      rows.add(new Row(part, jdk + ": CPU until the first answer, etcd configured", round(etcd[0] - bare[0]), 0.4, "s"));
      rows.add(new Row(part, jdk + ": resident memory, rules from files", files[2] - bare[2], 12, "MiB"));
      rows.add(new Row(part, jdk + ": resident memory, etcd configured", etcd[2] - bare[2], 25, "MiB"));
    }
  }

  private static double round(double v) {
    return Math.round(v * 100) / 100.0;
  }

  private static String table(List<Row> rows) {
    StringBuilder b = new StringBuilder("| | measured | promised, at most | |\n|---|---|---|---|\n");
    for (Row r : rows) {
      b.append("| ").append(r.part.replace("-25", "")).append(": ").append(r.what).append(" | ");
      b.append(r.told(r.measured)).append(" | ").append(r.told(r.promised)).append(" | ");
      b.append(r.kept() ? "kept" : "**missed**").append(" |\n");
    }
    return b.toString();
  }

  private static final Pattern WRITTEN =
      Pattern.compile("\\| (\\w+): (.+) \\| (-?[\\d.]+) ?(\\S*) \\| ([\\d.]+) ?\\S* \\| \\S+ \\|");

  /** What the table says of a part that has not been measured here. */
  private static List<Row> written(String part) throws IOException {
    String docs = Files.readString(DOCS);
    List<Row> rows = new ArrayList<>();
    for (String line : docs.substring(docs.indexOf(BEGIN), docs.indexOf(END)).split("\n")) {
      Matcher m = WRITTEN.matcher(line);
      if (m.matches() && part.equals(m.group(2).startsWith("JDK 25") ? "startup-25" : m.group(1))) {
        double promised = Double.parseDouble(m.group(5));
        double measured = Double.parseDouble(m.group(3));
        boolean missed = line.contains("missed"); // by less than is written
        rows.add(new Row(part, m.group(2), missed ? Math.max(measured, Math.nextUp(promised)) : measured, promised, m.group(4)));
      }
    }
    return rows;
  }

  private static void write(List<Row> rows, String table) throws IOException {
    String docs = Files.readString(DOCS);
    int from = docs.indexOf(BEGIN);
    int to = docs.indexOf(END, from);
    if (from < 0 || to < 0) {
      throw new IOException(DOCS + " has no place for the table: " + BEGIN.trim() + " ... " + END.trim());
    }
    String when = LocalDate.now() + ", " + machine() + ", JDK " + System.getProperty("java.version");
    String text = "`benchmarks/table`, " + when + ".\n\n" + table + "\n";
    Files.writeString(DOCS, docs.substring(0, from + BEGIN.length()) + text + docs.substring(to));
    Files.createDirectories(PLOT.getParent());
    Files.writeString(PLOT, plot(rows, when));
    System.err.println("benchmarks/table: written to " + DOCS + " and " + PLOT);
  }

  private static String machine() {
    String cpu = "unknown processor";
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      cpu = lines.filter(l -> l.startsWith("model name")).findFirst().map(l -> l.split(":")[1].trim()).orElse(cpu);
    } catch (IOException | UncheckedIOException notLinux) {
      // said so
    }
    return Runtime.getRuntime().availableProcessors() + " cores of " + cpu;
  }

  /** Each row a bar: measured as a share of what was promised, which is the line at 100 %. */
  private static String plot(List<Row> rows, String when) {
    List<Row> shown = rows.stream().filter(r -> r.promised > 0).toList();
    int left = 520;
    int line = 22;
    int full = 260;
    int height = 70 + shown.size() * line;
    StringBuilder b = new StringBuilder();
    b.append("<svg xmlns='http://www.w3.org/2000/svg' width='1010' height='" + height + "' font-family='sans-serif' font-size='12'>\n");
    b.append("<rect width='100%' height='100%' fill='white'/>\n");
    text(b, 12, 22, "start", "#222", "Measured, as a share of what was promised: less is better", "font-size='15'");
    text(b, 12, 40, "start", "#777", when, "");
    for (int i = 0; i < shown.size(); i++) {
      Row r = shown.get(i);
      int y = 56 + i * line;
      double share = Math.max(0, r.measured / r.promised);
      double width = Math.min(share, 1.35) * full;
      String colour = r.kept() ? "#3b7dd8" : "#d8503b";
      text(b, left - 6, y + 14, "end", "#222", r.part.replace("-25", "") + ": " + r.what, "");
      b.append(String.format(Locale.ROOT, "<rect x='%d' y='%d' width='%.1f' height='16' fill='%s'/>%n", left, y + 2, Math.max(width, 1), colour));
      String said = r.told(r.measured) + " of " + r.told(r.promised);
      text(b, left + (int) (full * 1.35) + 8, y + 14, "start", "#444", said, "");
    }
    int x = left + full;
    b.append("<line x1='" + x + "' x2='" + x + "' y1='50' y2='" + (height - 12) + "' stroke='#222' stroke-dasharray='4 3'/>\n");
    return b.append("</svg>\n").toString();
  }

  private static void text(StringBuilder b, int x, int y, String anchor, String fill, String s, String more) {
    s = s.replace("&", "&amp;").replace("<", "&lt;");
    b.append("<text x='" + x + "' y='" + y + "' text-anchor='" + anchor + "' fill='" + fill + "' " + more + ">" + s + "</text>\n");
  }
}
