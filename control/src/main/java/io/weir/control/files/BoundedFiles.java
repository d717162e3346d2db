package io.weir.control.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads files in bounded memory, also those that grow meanwhile. */
public final class BoundedFiles {
  private BoundedFiles() {}

  /**
   * The file's content, or null: it has more than {@code most} bytes.
   *
   * @throws IOException when it cannot be read
   */
  public static byte @Nullable [] read(Path file, long most) throws IOException {
    long size = Files.size(file);
    if (size > most) {
      return null;
    }
    byte[] read = new byte[(int) size + 1];
    int n = 0;
    try (InputStream in = Files.newInputStream(file)) {
      for (int r; (r = in.read(read, n, read.length - n)) > 0; ) {
        n += r;
        if (n > most) {
          return null;
        }
        if (n == read.length) {
          read = Arrays.copyOf(read, (int) Math.min(most + 1, 2L * n));
        }
      }
    }
    return Arrays.copyOf(read, n);
  }
}
