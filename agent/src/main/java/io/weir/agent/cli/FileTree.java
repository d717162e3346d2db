package io.weir.agent.cli;

import io.weir.control.files.FileStore;
import io.weir.control.loop.Log;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rules in a directory. A transaction here holds a lock that other command lines honour, compares
 * the files themselves, and replaces each by a rename within the time in which the agent takes
 * several changes for one; readers never see half a file.
 */
final class FileTree extends RuleTree {
  private static final String[] ENDINGS = {".yaml", ".yml", ".json", ""};
  private static final String LOCK = ".weir-lock";

  private final Path root;
  private final FileStore store;

  FileTree(Path root) {
    super("file:" + root);
    this.root = root;
    store = new FileStore(root, loop, Log.NONE);
  }

  @Override
  Store store() {
    return store;
  }

  @Override
  boolean hasStatus() {
    return false;
  }

  @Override
  Txn.Outcome commit(Txn txn) {
    StoreView known = view();
    try {
      Files.createDirectories(root);
      try (FileChannel channel =
              FileChannel.open(
                  root.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock lock = channel.lock()) {
        for (Txn.Compare c : txn.compares()) {
          if (!same(known.get(c.key), c)) {
            return new Txn.Outcome(Txn.Outcome.Kind.CONFLICT, known.revision, "");
          }
        }
        for (Txn.Write w : txn.writes()) {
          write(root, w.key, w.value);
        }
        return lock.isValid()
            ? new Txn.Outcome(Txn.Outcome.Kind.DONE, known.revision + 1, "")
            : new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, "the lock was lost");
      }
    } catch (IOException | UncheckedIOException e) {
      throw new CliException(CliFault.READ_ONLY, root + ": " + e);
    }
  }

  private boolean same(@Nullable Entry known, Txn.Compare c) throws IOException {
    byte[] there = read(root, c.key);
    if (c.modRevision == 0) {
      return there == null;
    }
    return known != null
        && known.modRevision == c.modRevision
        && there != null
        && Arrays.equals(there, known.value);
  }

  private static byte @Nullable [] read(Path root, String key) throws IOException {
    Path file = find(root, key);
    try {
      return file == null ? null : Files.readAllBytes(file);
    } catch (NoSuchFileException gone) {
      return null;
    }
  }

  /** The file that stands for the key, or null. */
  static @Nullable Path find(Path root, String key) {
    Path spelled = path(root, key, "*");
    for (Path base : new Path[] {spelled, path(root, key, "_all")}) {
      for (String ending : ENDINGS) {
        Path file = base == null ? null : base.resolveSibling(base.getFileName() + ending);
        if (file != null && Files.isRegularFile(file)) {
          return file;
        }
      }
    }
    return null;
  }

  /** Null when this file system cannot spell it. */
  private static @Nullable Path path(Path anyRoot, String key, String star) {
    Path root = anyRoot.normalize();
    String relative = key.substring(1).replace("service/*/", "service/" + star + "/");
    if (File.separatorChar != '/' && relative.indexOf('*') >= 0) {
      return null;
    }
    Path file = root.resolve(relative);
    if (!file.normalize().equals(file) || !file.startsWith(root)) {
      throw new IllegalArgumentException(key + " would lead out of " + root);
    }
    return file;
  }

  /** Replaces, creates or, with null, deletes the key's file; returns it. */
  static @Nullable Path write(Path root, String key, byte @Nullable [] value) throws IOException {
    Path file = find(root, key);
    if (value == null) {
      if (file != null) {
        Files.delete(file);
      }
      return file;
    }
    if (file == null) {
      Path base = Objects.requireNonNull(path(root, key, "_all"));
      file = base.resolveSibling(base.getFileName() + ending(key, value));
    }
    Files.createDirectories(file.getParent());
    Path temporary = Files.createTempFile(file.getParent(), ".weir-", ".tmp");
    try {
      Files.write(temporary, value);
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    return file;
  }

  private static String ending(String key, byte[] value) {
    if (key.endsWith("/off")) {
      return "";
    }
    for (byte b : value) {
      if (b > ' ') {
        return b == '{' || b == '[' ? ".json" : ".yaml";
      }
    }
    return ".yaml";
  }
}
