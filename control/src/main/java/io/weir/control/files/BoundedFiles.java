package io.weir.control.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads files in bounded memory, also files that grow while they are read. */
public final class BoundedFiles {
  private BoundedFiles() {}

  /**
   * The file's content; null when it has more than {@code maxBytes} bytes.
   *
   * @throws IOException the file cannot be read
   */
  public static byte @Nullable [] read(Path file, long maxBytes) throws IOException {
    long size = Files.size(file);
    if (size > maxBytes) {
      return null;
    }
    byte[] read = new byte[(int) size + 1];
    int n = 0;
    try (InputStream in = Files.newInputStream(file)) {
      for (int r; (r = in.read(read, n, read.length - n)) > 0; ) {
        n += r;
        if (n > maxBytes) {
          return null;
        }
        if (n == read.length) {
          read = Arrays.copyOf(read, (int) Math.min(maxBytes + 1, 2L * n));
        }
      }
    }
    return Arrays.copyOf(read, n);
  }
}
