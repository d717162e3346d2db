package io.weir.smoke;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The coverage table in {@code docs/instrumentations.md}: a line for each version under a contract,
 * a column for each JDK, and what a library cannot. Rows come from the tests, results from the last
 * run of each cell.
 */
final class CoverageTable {
  static final Path PAGE = Path.of("../docs/instrumentations.md");
  static final Path CELLS = Path.of("target/cells.txt");

  private static final String BEGIN = "<!-- coverage table: smoke-tests/matrix writes it -->\n";
  private static final String END = "<!-- end of the coverage table -->";
  private static final String NEVER = "not run";
  private static final String NONE = "-";

  private CoverageTable() {}

  /** All rows there are, clients first. */
  static List<Row<?>> rows() {
    try {
      Path classes =
          Path.of(Contract.class.getProtectionDomain().getCodeSource().getLocation().toURI())
              .resolve(Contract.class.getPackageName().replace('.', '/'));
      List<Row<?>> rows = new ArrayList<>();
      try (Stream<Path> files = Files.list(classes)) {
        for (Path f : files.sorted().toList()) {
          String name = f.getFileName().toString();
          if (name.endsWith("ContractTest.class")) {
            Class<?> c =
                Class.forName(Contract.class.getPackageName() + "." + name.replace(".class", ""));
            if (Contract.class.isAssignableFrom(c) && !Modifier.isAbstract(c.getModifiers())) {
              var constructor = c.getDeclaredConstructor();
              Row<?> row = ((Contract) constructor.newInstance()).row();
              row.check(c);
              rows.add(row);
            }
          }
        }
      }
      rows.sort(
          java.util.Comparator.<Row<?>, String>comparing(Row::side).thenComparing(Row::library));
      return rows;
    } catch (ReflectiveOperationException | IOException | java.net.URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Every cell there is, by the name it has in results. */
  static List<String> cells() {
    return rows().stream()
        .flatMap(
            r ->
                r.versions().stream()
                    .flatMap(
                        v ->
                            v.jdks.stream()
                                .map(j -> new Row.Cell(r, v, new Jdk(j, null)).toString())))
        .toList();
  }

  /** What the page says of each cell. */
  static Map<String, String> recorded(String page) {
    Map<String, String> results = new TreeMap<>();
    for (String line : table(page).lines().toList()) {
      String[] f = line.split(" *\\| *");
      if (f.length == 4 + Row.JDKS.size() && !f[1].equals("library") && !f[1].startsWith("--")) {
        int i = 4;
        for (int jdk : Row.JDKS) {
          results.put(f[1] + " " + f[2] + " on JDK " + jdk, f[i++]);
        }
      }
    }
    return results;
  }

  private static String table(String page) {
    int from = page.indexOf(BEGIN);
    int to = page.indexOf(END);
    if (from < 0 || to < from) {
      throw new IllegalStateException(PAGE + " has lost the marks of the coverage table");
    }
    return page.substring(from + BEGIN.length(), to);
  }

  /** Results of cells that ran, as the table shows them. */
  static Map<String, String> ran(List<String> cellLines, String date) {
    Pattern line =
        Pattern.compile("(.+) \\| (\\d+) kept \\| (\\d+) broken \\| (\\d+) cannot \\| (\\S+) s");
    Map<String, String> results = new LinkedHashMap<>();
    for (String l : cellLines) {
      Matcher m = line.matcher(l);
      if (m.matches()) {
        int kept = Integer.parseInt(m.group(2));
        int all = kept + Integer.parseInt(m.group(3));
        results.put(m.group(1), date + ": " + kept + " of " + all);
      }
    }
    return results;
  }

  /** The page with all rows, and these results where there are any. */
  static String page(String page, Map<String, String> results) {
    StringBuilder t = new StringBuilder();
    t.append("| library | version | side |");
    Row.JDKS.forEach(j -> t.append(" JDK ").append(j).append(" |"));
    t.append("\n|---|---|---|").append("---|".repeat(Row.JDKS.size())).append('\n');
    for (Row<?> row : rows()) {
      for (Row.Version v : row.versions()) {
        t.append("| ").append(row.library()).append(" | ").append(v.name).append(" | ");
        t.append(row.side()).append(" |");
        for (int jdk : Row.JDKS) {
          String cell = new Row.Cell(row, v, new Jdk(jdk, null)).toString();
          String said = results.getOrDefault(cell, NEVER);
          t.append(' ').append(!v.jdks.contains(jdk) ? NONE : said.equals(NONE) ? NEVER : said);
          t.append(" |");
        }
        t.append('\n');
      }
    }
    t.append("\nWhat a library cannot:\n\n| library | promise | why not |\n|---|---|---|\n");
    for (Row<?> row : rows()) {
      row.cannot().forEach((p, why) -> cannot(t, row.library(), p, why));
      for (Row.Version v : row.versions()) {
        v.cannot.forEach((p, why) -> cannot(t, row.library() + " " + v.name, p, why));
      }
    }
    t.append('\n');
    int from = page.indexOf(BEGIN) + BEGIN.length();
    return page.substring(0, from) + t + page.substring(from + table(page).length());
  }

  private static void cannot(StringBuilder t, String who, String promise, String why) {
    t.append("| ").append(who).append(" | `").append(promise).append("` | ");
    t.append(why).append(" |\n");
  }
}
