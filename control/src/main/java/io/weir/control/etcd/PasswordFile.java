package io.weir.control.etcd;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that contains only a password, in UTF-8; line ends after it are ignored. It is read again
 * for each new client, so that a rotated password is used. Thread-safe.
 */
public final class PasswordFile {
  private static final int MAX_BYTES = 4096;

  final Path path;

  /** The password read last, used when the file can no longer be read. */
  private volatile String last;

  /**
   * Reads the file.
   *
   * @throws IOException it cannot be read or has no usable password; the message says why
   */
  public PasswordFile(Path path) throws IOException {
    this.path = path;
    last = read(path);
  }

  /** The current password. Reads the file, so it may block. */
  public String password() {
    try {
      last = read(path);
    } catch (IOException | RuntimeException unreadable) {
      // keep the last one; if it is wrong by now, etcd refuses it
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
