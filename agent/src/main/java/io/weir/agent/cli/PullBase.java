package io.weir.agent.cli;

import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the rules of a store said when a directory was last pulled from it or pushed to it. A push
 * compares with it, and so notices that somebody else changed a rule since. Kept in {@code
 * .weir/base.json} of the directory, which no rule store reads and git ignores: a clone compares
 * with the history instead ({@link Overwrites}).
 */
final class PullBase {
  private final Path file;

  /** By store: digests by key. */
  private final Map<String, Object> stores;

  private PullBase(Path file, Map<String, Object> stores) {
    this.file = file;
    this.stores = stores;
  }

  static PullBase of(Path directory) throws IOException {
    Path file = directory.resolve(".weir").resolve("base.json");
    Map<String, Object> stores = new LinkedHashMap<String, Object>();
    if (Files.isRegularFile(file)) {
      stores.putAll(
          object(
              Json.readObject(new String(Files.readAllBytes(file), StandardCharsets.UTF_8)),
              "stores"));
    }
    return new PullBase(file, stores);
  }

  /** Whether the directory was pulled from this store or pushed to it. */
  boolean knows(String store) {
    return stores.containsKey(store);
  }

  /** The stores it knows. */
  List<String> known() {
    return new ArrayList<String>(stores.keySet());
  }

  /** The keys the store had then. */
  List<String> keys(String store) {
    return new ArrayList<String>(object(stores, store).keySet());
  }

  /** Whether the store said something of this key then. */
  boolean has(String store, String key) {
    return !said(store, key).isEmpty();
  }

  /** Whether the store says now what it said then. */
  boolean fresh(String store, String key, @Nullable Entry now) {
    return digest(now == null ? null : now.value).equals(said(store, key));
  }

  /** Whether the text is what the store said then. */
  boolean was(String store, String key, byte @Nullable [] text) {
    return has(store, key) && digest(text).equals(said(store, key));
  }

  private String said(String store, String key) {
    Object digest = object(stores, store).get(key);
    return digest == null ? "" : digest.toString();
  }

  /** Remembers what the store says from now on; a null text says that the key is not there. */
  void remember(String store, Map<String, byte[]> texts) throws IOException {
    Map<String, Object> digests = new LinkedHashMap<String, Object>(object(stores, store));
    for (Map.Entry<String, byte[]> t : texts.entrySet()) {
      if (t.getValue() == null) {
        digests.remove(t.getKey());
      } else {
        digests.put(t.getKey(), digest(t.getValue()));
      }
    }
    stores.put(store, digests);
    Files.createDirectories(file.getParent());
    Files.write(file.resolveSibling(".gitignore"), "*\n".getBytes(StandardCharsets.UTF_8));
    Files.write(file, Json.write(Json.object("stores", stores)).getBytes(StandardCharsets.UTF_8));
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> object(Map<String, Object> in, String name) {
    Object o = in.get(name);
    return o instanceof Map ? (Map<String, Object>) o : new LinkedHashMap<String, Object>();
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
