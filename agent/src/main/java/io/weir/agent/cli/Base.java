package io.weir.agent.cli;

import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a directory was when it was pulled, so that a push can tell that somebody else changed a
 * rule since. Kept in {@code .weir/base.json} of the directory, which no rule store reads.
 */
final class Base {
  private final Path file;
  private final Map<String, Object> digests;

  /** The store it was pulled from; empty: it never was. */
  final String from;

  private Base(Path file, String from, Map<String, Object> digests) {
    this.file = file;
    this.from = from;
    this.digests = digests;
  }

  @SuppressWarnings("unchecked")
  static Base of(Path directory) throws IOException {
    Path file = directory.resolve(".weir").resolve("base.json");
    if (!Files.isRegularFile(file)) {
      return new Base(file, "", new LinkedHashMap<String, Object>());
    }
    Map<String, Object> o =
        Json.readObject(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
    Object d = o.get("digests");
    return new Base(
        file,
        Json.text(o, "from"),
        d instanceof Map
            ? new LinkedHashMap<String, Object>((Map<String, Object>) d)
            : new LinkedHashMap<String, Object>());
  }

  /** Whether the store still says what it said when this was pulled; true when it never was. */
  boolean fresh(String key, @Nullable Entry now) {
    return from.isEmpty() || digest(now == null ? null : now.value).equals(said(key));
  }

  /** Whether the local text is what was pulled. */
  boolean untouched(String key, byte[] local) {
    return digest(local).equals(said(key));
  }

  private String said(String key) {
    Object d = digests.get(key);
    return d == null ? "" : d.toString();
  }

  void remember(String from, Map<String, byte[]> texts, long revision) throws IOException {
    for (Map.Entry<String, byte[]> t : texts.entrySet()) {
      if (t.getValue() == null) {
        digests.remove(t.getKey());
      } else {
        digests.put(t.getKey(), digest(t.getValue()));
      }
    }
    Files.createDirectories(file.getParent());
    Files.write(
        file,
        Json.write(Json.object("from", from, "revision", revision, "digests", digests))
            .getBytes(StandardCharsets.UTF_8));
  }

  private static String digest(byte @Nullable [] text) {
    if (text == null) {
      return "";
    }
    try {
      StringBuilder s = new StringBuilder();
      for (byte b : MessageDigest.getInstance("SHA-256").digest(text)) {
        s.append(String.format("%02x", b));
      }
      return s.toString();
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
