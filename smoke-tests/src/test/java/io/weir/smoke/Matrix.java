package io.weir.smoke;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What tests beyond the contracts run on: {@code matrix.csv}, one row per library version, one cell
 * per row and JDK. (The contracts have rows of their own: {@link Row}.)
 *
 * <p>A row is {@code kind,name,coordinates...,JDKs}: coordinates are {@code group:artifact:version}
 * (transitive dependencies come along), JDKs a space separated list. Select cells with {@code
 * -Dweir.matrix=REGEX} over {@code NAME on JDK N}.
 */
final class Matrix {
  private Matrix() {}

  /** A library version on a JDK. */
  record Cell(String kind, String name, List<String> coordinates, Jdk jdk) {
    @Override
    public String toString() {
      return name + " on JDK " + jdk.version();
    }

    /** The library's jars, with everything they need. */
    String classpath() {
      return Maven.resolve(coordinates.toArray(new String[0]));
    }
  }

  /** The cells of a kind, in the order of the table. */
  static List<Cell> cells(String kind) {
    List<Cell> cells = new ArrayList<>();
    String only = System.getProperty("weir.matrix", "");
    for (String line : lines()) {
      List<String> f = Arrays.asList(line.trim().split("\\s*,\\s*"));
      if (!f.get(0).equals(kind)) {
        continue;
      }
      for (String version : f.get(f.size() - 1).split(" +")) {
        Jdk.want(Integer.parseInt(version))
            .map(jdk -> new Cell(kind, f.get(1), f.subList(2, f.size() - 1), jdk))
            .filter(c -> only.isEmpty() || c.toString().matches(only))
            .ifPresent(cells::add);
      }
    }
    return cells;
  }

  /**
   * The oldest and the newest version of each library among these: what {@code ./verify} runs of a
   * test whose rows differ little. With {@code -Dweir.matrix} all stay.
   */
  static List<Cell> oldestAndNewest(List<Cell> cells) {
    if (!System.getProperty("weir.matrix", "").isEmpty()) {
      return cells;
    }
    Map<String, List<Cell>> byLibrary = new LinkedHashMap<>();
    for (Cell c : cells) {
      byLibrary.computeIfAbsent(c.name().replaceFirst("-\\d.*", ""), l -> new ArrayList<>()).add(c);
    }
    return byLibrary.values().stream()
        .flatMap(l -> Stream.of(l.get(0), l.get(l.size() - 1)).distinct())
        .toList();
  }

  private static List<String> lines() {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                Matrix.class.getResourceAsStream("/matrix.csv"), StandardCharsets.UTF_8))) {
      return in.lines().filter(l -> !l.isBlank() && !l.startsWith("#")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
