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
 * A directory as a store: {@code DIR/service/order/rate-limit.yaml} is the key {@code
 * /service/order/rate-limit}. The directory {@code _all} stands for {@code *}, which some file
 * systems cannot spell.
 *
 * <p>How it works: file events are hints only. After one, it waits until the tree has been quiet
 * for {@link #SETTLE_MS} (at most {@link #LONGEST_SETTLE_MS}), so that a checkout or a save of
 * several files is one batch; then it reads the whole tree and tells what differs. A slow rescan
 * catches what events miss (network file systems, swapped symbolic links, overflow). A file that
 * changes while it is read, or that is empty because an editor has just truncated it, counts as it
 * was before and is looked at again. A directory that is not there, or vanishes, takes no rule
 * away: that looks like a lost store, not like deleted rules.
 *
 * <p>One daemon thread, {@code weir-files}; batches are handed to the control loop.
 */
public final class FileStore implements Store {
  static final long SETTLE_MS = 50;
  static final long LONGEST_SETTLE_MS = 1000;
  private static final long RESCAN_MS = 2000;
  private static final long AGAIN_MS = 2000;
  private static final int MAX_FILES = 50_000;
  private static final int MAX_BYTES = 1 << 20;
  private static final int MAX_DEPTH = 6;

  /** What a file costs beside its bytes. */
  private static final int FILE_COST = 2048;

  /** A file younger than this may still be written without its time stamp showing it. */
  private static final long FRESH_MS = 2000;

  private final Path root;
  private final Loop loop;
  private final Log log;
  private Map<String, Seen> seen = new HashMap<String, Seen>();
  private final Set<String> complained = new HashSet<String>();
  private final Map<Path, WatchKey> watched = new HashMap<Path, WatchKey>();
  private volatile @Nullable Thread thread;
  private volatile boolean closed;

  /** From {@link #start} on, which comes before everything that needs it. */
  @SuppressWarnings("NullAway.Init")
  private Listener listener;

  /** Bytes that all files together may have; else the last good rules stay. */
  private final long maxTotal;

  private long total;
  private long revision;
  private boolean connected;
  private boolean told;
  private boolean again;

  /** A file as it was last read. */
  private static final class Seen {
    final Path file;
    final Entry entry;
    final long modified;
    final long size;
    final Object identity;

    Seen(Path file, Entry entry, BasicFileAttributes a) {
      this.file = file;
      this.entry = entry;
      this.modified = a.lastModifiedTime().toMillis();
      this.size = a.size();
      this.identity = a.fileKey();
    }

    boolean same(Path other, BasicFileAttributes a, long now) {
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

  /** Goes on until closed, whatever is thrown. */
  private void work() {
    while (!closed) {
      try {
        follow();
        return;
      } catch (InterruptedException stop) {
        // closed, or not meant for us
      } catch (Throwable t) {
        try {
          watched.clear();
          String reason = "rules in " + root + " cannot be followed: " + t;
          complain(reason + "; tried again every " + AGAIN_MS / 1000 + " s");
          connected(false, reason);
          Thread.sleep(AGAIN_MS);
        } catch (Throwable again) {
          // no memory for that either, or closed
        }
      }
    }
  }

  private void follow() throws IOException, InterruptedException {
    try (WatchService watcher = root.getFileSystem().newWatchService()) {
      while (!closed) {
        // watch first, scan then: what changes in between makes an event
        if (Files.isDirectory(root)) {
          scan(watcher);
        } else {
          connected(false, root + " is no directory");
        }
        WatchKey event = watcher.poll(again ? SETTLE_MS : RESCAN_MS, TimeUnit.MILLISECONDS);
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
    final Map<String, Seen> found = new HashMap<String, Seen>();
    again = false;
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
                  complain(file + " is read, " + other + " of the same key is not");
                }
                look(key, file, a, found, now);
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              if (!(e instanceof NoSuchFileException)) {
                keep(key(root.relativize(file)), found, file + " cannot be read: " + e);
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
      complain(
          root
              + " holds more than "
              + MAX_FILES
              + " files or "
              + (maxTotal >> 20)
              + " MB, an eighth of the heap: the last good rules stay until there is less");
      return;
    }
    tell(found);
  }

  private void look(
      String key, Path file, BasicFileAttributes a, Map<String, Seen> found, long now) {
    Seen before = seen.get(key);
    if (before != null && before.same(file, a, now)) {
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
        again = true; // it grew meanwhile
        keep(key, found, null);
        return;
      }
      BasicFileAttributes after = Files.readAttributes(file, BasicFileAttributes.class);
      boolean moving =
          bytes.length != after.size()
              || !after.lastModifiedTime().equals(a.lastModifiedTime())
              || bytes.length == 0
                  && now - after.lastModifiedTime().toMillis() < LONGEST_SETTLE_MS
                  && !key.endsWith("/off");
      if (moving) {
        again = true;
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
      found.put(key, new Seen(file, entry, after));
    } catch (NoSuchFileException replaced) {
      again = true;
      keep(key, found, null);
    } catch (IOException e) {
      keep(key, found, file + " cannot be read: " + e);
    }
  }

  private void keep(@Nullable String key, Map<String, Seen> found, @Nullable String complaint) {
    Seen before = key == null ? null : seen.get(key);
    if (before != null) {
      found.put(key, before);
    }
    if (complaint != null) {
      complain(complaint);
    }
  }

  private void complain(String complaint) {
    if (complained.size() < 1000 && complained.add(complaint)) {
      log.warn("weir: " + complaint);
    }
  }

  private void tell(Map<String, Seen> found) {
    List<Change> changes = new ArrayList<Change>();
    for (Map.Entry<String, Seen> e : new TreeMap<String, Seen>(found).entrySet()) {
      Seen before = seen.get(e.getKey());
      if (before == null || before.entry != e.getValue().entry) {
        changes.add(new Change(e.getKey(), e.getValue().entry));
      }
    }
    for (String key : seen.keySet()) {
      if (!found.containsKey(key)) {
        changes.add(new Change(key, null));
      }
    }
    connected(true, "");
    if (!changes.isEmpty() || !told) {
      told = true;
      revision++;
      final Batch batch = new Batch(revision, changes, false);
      loop.execute(() -> listener.onBatch(batch));
    }
    seen = found; // not before: what throws is told the next time
  }

  private void connected(boolean now, String reason) {
    if (now != connected || !now && !told && complained.add(reason)) {
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

  /** The key a file stands for, or null: it is none of ours. */
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
      key.append('/').append(i == 1 && name.equals("_all") ? "*" : name);
    }
    return key.toString();
  }
}
