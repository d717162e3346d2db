package io.weir.control.etcd;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that has a password alone, in UTF-8; line ends after it do not count. It is read again for
 * each client that is made, so that a rotated password is found. Thread-safe.
 */
public final class PasswordFile {
  private static final int MAX_BYTES = 4096;

  final Path path;

  /** What was read last: stands where the file cannot be read any more. */
  private volatile String last;

  /**
   * Reads it for the first time.
   *
   * @throws IOException naming what is wrong with it
   */
  public PasswordFile(Path path) throws IOException {
    this.path = path;
    last = read(path);
  }

  /** The password now; may wait for the file system. */
  public String password() {
    try {
      last = read(path);
    } catch (IOException | RuntimeException unreadable) {
      // the last good one: etcd says so should it be wrong by now
    }
    return last;
  }

  private static String read(Path path) throws IOException {
    byte[] bytes = Files.readAllBytes(path);
    String text = new String(bytes, StandardCharsets.UTF_8);
    int end = text.length();
    while (end > 0 && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) {
      end--;
    }
    if (end == 0 || bytes.length > MAX_BYTES) {
      throw new IOException(end == 0 ? "it is empty" : "it is too large for a password");
    }
    return text.substring(0, end);
  }
}
