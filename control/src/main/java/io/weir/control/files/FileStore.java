package io.weir.control.files;

import io.weir.control.loop.Daemon;
import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.control.store.Store;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A directory as a store: the file {@code DIR/service/order/rate-limit.yaml} is the key {@code
 * /service/order/rate-limit}. The directory {@code _all} is the {@code *} of a key, which some file
 * systems do not allow in a name.
 *
 * <p>File events are only hints. After an event the store waits until there was none for {@link
 * #SETTLE_MS} (at most {@link #LONGEST_SETTLE_MS}), so that a checkout of several files becomes one
 * batch. Then it reads the whole tree and delivers the differences. It also does so every two
 * seconds, for changes without events (network file systems, swapped symbolic links, overflow).
 *
 * <p>A rule goes only when its file was deleted. The last content stays in force while a file
 * changes as it is read, is empty because an editor has just truncated it, or cannot be read, alone
 * or with its directory. When the root is missing or cannot be read, all rules stay: the store is
 * lost, its rules were not deleted.
 *
 * <p>Files are read on one daemon thread, {@code weir-files}. The listener is called on the control
 * loop.
 */
public final class FileStore implements Store {
  static final long SETTLE_MS = 50;
  static final long LONGEST_SETTLE_MS = 1000;
  private static final long RESCAN_MS = 2000;
  private static final long AGAIN_MS = 2000;
  private static final int MAX_FILES = 50_000;
  private static final int MAX_BYTES = 1 << 20;
  private static final int MAX_DEPTH = 6;

  /** Memory that a file takes beside its bytes, an estimate. */
  private static final int FILE_COST = 2048;

  /** A file that was modified within this time may change again under the same time stamp. */
  private static final long FRESH_MS = 2000;

  private final Path root;
  private final Loop loop;
  private final Log log;

  /** The files of the last complete scan, by key. */
  private Map<String, ReadFile> lastRead = new HashMap<String, ReadFile>();

  /** Warnings and reasons that were reported. */
  private final Set<String> warned = new HashSet<String>();

  private final Map<Path, WatchKey> watched = new HashMap<Path, WatchKey>();
  private volatile @Nullable Thread thread;
  private volatile boolean closed;

  /** Set by {@link #start}, before the thread that uses it. */
  @SuppressWarnings("NullAway.Init")
  private Listener listener;

  /** The most bytes of all files together. Where there are more, the last good rules stay. */
  private final long maxTotal;

  /** The bytes that the current scan has found. */
  private long total;

  /** The number of batches: files have no revision of their own. */
  private long revision;

  private boolean connected;
  private boolean firstBatchSent;

  /** Some file was changing: it is read again soon. */
  private boolean rescanSoon;

  /** A file as it was last read. */
  private static final class ReadFile {
    final Path file;
    final Entry entry;
    final long modified;
    final long size;

    /** {@link BasicFileAttributes#fileKey}; null: the file system has none. */
    final Object identity;

    ReadFile(Path file, Entry entry, BasicFileAttributes a) {
      this.file = file;
      this.entry = entry;
      this.modified = a.lastModifiedTime().toMillis();
      this.size = a.size();
      this.identity = a.fileKey();
    }

    boolean isUnchanged(Path other, BasicFileAttributes a, long now) {
      return file.equals(other)
          && modified == a.lastModifiedTime().toMillis()
          && size == a.size()
          && (identity == null || identity.equals(a.fileKey()))
          && now - modified > FRESH_MS;
    }
  }

  public FileStore(Path root, Loop loop, Log log) {
    this(root, loop, log, Runtime.getRuntime().maxMemory() / 8);
  }

  FileStore(Path root, Loop loop, Log log, long maxTotal) {
    this.maxTotal = maxTotal;
    this.root = root;
    this.loop = loop;
    this.log = log;
  }

  @Override
  public void start(Listener listener) {
    this.listener = listener;
    Thread t = Daemon.thread("weir-files", this::work, log);
    thread = t;
    t.start();
  }

  @Override
  public void close() {
    closed = true;
    Thread t = thread;
    if (t != null) {
      t.interrupt();
    }
  }

  /** Runs until the store is closed, whatever is thrown. */
  private void work() {
    while (!closed) {
      try {
        follow();
        return;
      } catch (InterruptedException stop) {
        // by close(); any other interrupt is ignored
      } catch (Throwable t) {
        try {
          watched.clear();
          String reason = "rules in " + root + " cannot be followed: " + t;
          warnOnce(reason + "; tried again every " + AGAIN_MS / 1000 + " s");
          connected(false, reason);
          Thread.sleep(AGAIN_MS);
        } catch (Throwable unreported) {
          // no memory for the message either, or closed
        }
      }
    }
  }

  private void follow() throws IOException, InterruptedException {
    try (WatchService watcher = root.getFileSystem().newWatchService()) {
      while (!closed) {
        // a scan watches each directory before it lists it: a later change makes an event
        if (Files.isDirectory(root)) {
          scan(watcher);
        } else {
          connected(false, root + " is no directory");
        }
        WatchKey event = watcher.poll(rescanSoon ? SETTLE_MS : RESCAN_MS, TimeUnit.MILLISECONDS);
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LONGEST_SETTLE_MS);
        while (event != null) {
          event.pollEvents();
          event.reset();
          event =
              System.nanoTime() - deadline > 0
                  ? null
                  : watcher.poll(SETTLE_MS, TimeUnit.MILLISECONDS);
        }
      }
    }
  }

  private void scan(WatchService watcher) {
    final long now = System.currentTimeMillis();
    final TreeMap<String, Path> files = new TreeMap<String, Path>();
    final Map<String, ReadFile> found = new HashMap<String, ReadFile>();
    rescanSoon = false;
    total = 0;
    try {
      Files.walkFileTree(
          root,
          EnumSet.of(FileVisitOption.FOLLOW_LINKS),
          MAX_DEPTH,
          new SimpleFileVisitor<Path>() {
            @Override
            public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes a)
                throws IOException {
              if (!dir.equals(root) && dir.getFileName().toString().startsWith(".")) {
                return FileVisitResult.SKIP_SUBTREE;
              }
              watch(watcher, dir);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes a) {
              String key = key(root.relativize(file));
              if (key != null && a.isRegularFile()) {
                total += FILE_COST + Math.min(a.size(), MAX_BYTES);
                if (total > maxTotal || files.size() == MAX_FILES) {
                  return FileVisitResult.TERMINATE;
                }
                Path other = files.put(key, file);
                if (other != null) {
                  warnOnce(file + " is read, " + other + " of the same key is not");
                }
                read(key, file, a, found, now);
              }
              return FileVisitResult.CONTINUE;
            }

            /** Called for directories, too. */
            @Override
            public FileVisitResult visitFileFailed(Path path, IOException e) throws IOException {
              if (path.equals(root)) {
                throw e;
              }
              if (!(e instanceof NoSuchFileException)) {
                keep(key(root.relativize(path)), found, path + " cannot be read: " + e);
                keepAllBelow(path, found);
              }
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      connected(false, root + " cannot be read: " + e);
      return;
    }
    if (!Files.isDirectory(root)) {
      return;
    }
    if (total > maxTotal || files.size() == MAX_FILES) {
      warnOnce(
          root
              + " holds more than "
              + MAX_FILES
              + " files or "
              + (maxTotal >> 20)
              + " MB, an eighth of the heap: the last good rules stay until there is less");
      return;
    }
    deliver(found);
  }

  /** Puts the file into {@code found}: its new content, or the last one. */
  private void read(
      String key, Path file, BasicFileAttributes a, Map<String, ReadFile> found, long now) {
    ReadFile before = lastRead.get(key);
    if (before != null && before.isUnchanged(file, a, now)) {
      found.put(key, before);
      return;
    }
    try {
      if (a.size() > MAX_BYTES) {
        keep(key, found, file + " is larger than " + MAX_BYTES + " bytes and is not read");
        return;
      }
      byte[] bytes = BoundedFiles.read(file, MAX_BYTES);
      if (bytes == null) {
        rescanSoon = true; // the file grew while it was read
        keep(key, found, null);
        return;
      }
      BasicFileAttributes after = Files.readAttributes(file, BasicFileAttributes.class);
      // an empty file may just have been truncated; a kill switch ("/off") is often empty for good
      boolean beingWritten =
          bytes.length != after.size()
              || !after.lastModifiedTime().equals(a.lastModifiedTime())
              || bytes.length == 0
                  && now - after.lastModifiedTime().toMillis() < LONGEST_SETTLE_MS
                  && !key.endsWith("/off");
      if (beingWritten) {
        rescanSoon = true;
        keep(key, found, null);
        return;
      }
      Entry entry =
          before != null && Arrays.equals(before.entry.value, bytes)
              ? before.entry
              : new Entry(
                  key,
                  bytes,
                  before == null ? revision + 1 : before.entry.createRevision,
                  revision + 1,
                  0);
      found.put(key, new ReadFile(file, entry, after));
    } catch (NoSuchFileException replaced) {
      rescanSoon = true;
      keep(key, found, null);
    } catch (IOException e) {
      keep(key, found, file + " cannot be read: " + e);
    }
  }

  /**
   * Keeps the last content of a key.
   *
   * @param key null: a file or directory that is no key
   * @param warning for the log; null: nothing to report
   */
  private void keep(@Nullable String key, Map<String, ReadFile> found, @Nullable String warning) {
    ReadFile before = key == null ? null : lastRead.get(key);
    if (before != null) {
      found.put(key, before);
    }
    if (warning != null) {
      warnOnce(warning);
    }
  }

  private void keepAllBelow(Path directory, Map<String, ReadFile> found) {
    for (Map.Entry<String, ReadFile> e : lastRead.entrySet()) {
      if (e.getValue().file.startsWith(directory)) {
        found.putIfAbsent(e.getKey(), e.getValue());
      }
    }
  }

  /** Logs a warning, each text once. */
  private void warnOnce(String warning) {
    if (warned.size() < 1000 && warned.add(warning)) {
      log.warn("weir: " + warning);
    }
  }

  private void deliver(Map<String, ReadFile> found) {
    List<Change> changes = new ArrayList<Change>();
    for (Map.Entry<String, ReadFile> e : new TreeMap<String, ReadFile>(found).entrySet()) {
      ReadFile before = lastRead.get(e.getKey());
      if (before == null || before.entry != e.getValue().entry) {
        changes.add(new Change(e.getKey(), e.getValue().entry));
      }
    }
    for (String key : lastRead.keySet()) {
      if (!found.containsKey(key)) {
        changes.add(new Change(key, null));
      }
    }
    connected(true, "");
    if (!changes.isEmpty() || !firstBatchSent) {
      firstBatchSent = true;
      revision++;
      final Batch batch = new Batch(revision, changes, false);
      loop.execute(() -> listener.onBatch(batch));
    }
    lastRead = found; // last: if something above throws, the next scan delivers the changes
  }

  private void connected(boolean now, String reason) {
    // before the first batch each new reason is reported, else only changes
    if (now != connected || !now && !firstBatchSent && warned.add(reason)) {
      connected = now;
      loop.execute(() -> listener.onConnected(now, reason));
    }
  }

  private void watch(WatchService watcher, Path dir) throws IOException {
    WatchKey key = watched.get(dir);
    if (key == null || !key.isValid()) {
      watched.put(
          dir,
          dir.register(
              watcher,
              StandardWatchEventKinds.ENTRY_CREATE,
              StandardWatchEventKinds.ENTRY_MODIFY,
              StandardWatchEventKinds.ENTRY_DELETE));
    }
  }

  /** The key of a file by its path below the root; null for hidden, backup and temporary files. */
  static @Nullable String key(Path relative) {
    StringBuilder key = new StringBuilder();
    int last = relative.getNameCount() - 1;
    for (int i = 0; i <= last; i++) {
      String name = relative.getName(i).toString();
      if (name.isEmpty() || name.startsWith(".") || name.startsWith("#") || name.endsWith("~")) {
        return null;
      }
      if (i == last) {
        for (String ending : new String[] {".json", ".yaml", ".yml"}) {
          if (name.endsWith(ending)) {
            name = name.substring(0, name.length() - ending.length());
            break;
          }
        }
        if (name.isEmpty() || name.endsWith(".tmp") || name.endsWith(".swp")) {
          return null;
        }
      }
      // the second element names a service, as in /service/*/rate-limit
      key.append('/').append(i == 1 && name.equals("_all") ? "*" : name);
    }
    return key.toString();
  }
}
