package io.weir.smoke;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A table of Markdown under {@code target}, written row by row, so that it can be read while it
 * grows and when the rest never comes. Several test JVMs may write to one.
 */
final class Table {
  private final Path file;
  private final String head;

  /** Names the file and the columns; what is there already stays. */
  Table(String file, String... columns) {
    this.file = Path.of("target", file);
    head = line(columns) + "\n|" + "---|".repeat(columns.length);
  }

  /** Adds a row, and prints it. */
  synchronized void row(String... cells) {
    try {
      try {
        Files.write(file, List.of(head), StandardOpenOption.CREATE_NEW);
      } catch (FileAlreadyExistsException begun) {
        // another row began it
      }
      Files.write(file, List.of(line(cells)), StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    System.out.println(line(cells));
  }

  private static String line(String... cells) {
    return "| " + String.join(" | ", cells) + " |";
  }
}
