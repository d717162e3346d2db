package io.weir.control.snapshot;

import io.weir.control.files.BoundedFiles;
import io.weir.control.store.Entry;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A file with the last good rules, for a cold start while the store is unreachable.
 *
 * <p>Format, version 1: the line {@code weir-snapshot 1}, the SHA-256 of all that follows, then
 * revision, count, and for each entry key, mod revision and value, all big-endian. It is written to
 * a temporary file, forced to disk and renamed, so a reader sees the old file or the new one. Only
 * the owner may read it, because rules may contain confidential text.
 *
 * <p>Not thread-safe.
 */
public final class DiskSnapshot {
  private static final byte[] HEAD = "weir-snapshot 1\n".getBytes(StandardCharsets.US_ASCII);
  private static final int DIGEST = 32;

  /**
   * The file is read into memory as a whole, so it may have a sixteenth of the heap, but no less
   * than 1 MiB and no more than 256 MiB.
   */
  private static final long MAX_BYTES =
      Math.min(256L << 20, Math.max(1 << 20, Runtime.getRuntime().maxMemory() / 16));

  /** More than the stores keep of one value: a longer one is damage. */
  private static final int MAX_VALUE = 4 << 20;

  /** A temporary file that is older is of a process that died while it wrote. */
  private static final long ABANDONED_MS = 600_000;

  private static final String TEMPORARY = ".tmp";
  private static final Random UNIQUE = new Random();

  private final Path file;
  private final long maxBytes;

  /** The content of a snapshot. Immutable. */
  public static final class Content {
    public final long revision;
    public final List<Entry> entries;

    Content(long revision, List<Entry> entries) {
      this.revision = revision;
      this.entries = Collections.unmodifiableList(entries);
    }
  }

  /**
   * Each service and namespace has its own file, so several may share a directory. The instances of
   * a service share the file: the last one that writes wins.
   *
   * @param service any text
   * @param namespace the keys' namespace, any text; possibly empty
   */
  public DiskSnapshot(Path directory, String service, String namespace) {
    this(directory, service, namespace, MAX_BYTES);
  }

  DiskSnapshot(Path directory, String service, String namespace, long maxBytes) {
    this.maxBytes = maxBytes;
    file = directory.resolve(name(service, namespace) + ".snapshot");
  }

  /**
   * The service's name. With the namespace and a digest if there is a namespace, or if the name had
   * to be changed or cut.
   */
  private static String name(String service, String namespace) {
    String plain = plain(service);
    if (plain.equals(service) && namespace.isEmpty()) {
      return plain;
    }
    byte[] digest =
        digest(ByteBuffer.wrap((service + "\0" + namespace).getBytes(StandardCharsets.UTF_8)));
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < 6; i++) {
      hex.append(Character.forDigit(digest[i] >> 4 & 15, 16));
      hex.append(Character.forDigit(digest[i] & 15, 16));
    }
    return plain + "@" + plain(namespace) + "-" + hex;
  }

  private static String plain(String name) {
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < name.length() && i < 100; i++) {
      char c = name.charAt(i);
      boolean plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
      safe.append(plain || c == '-' || c == '.' && i > 0 ? c : '_');
    }
    return safe.toString();
  }

  /** Whether every user of this machine may write to the file's directory. */
  public boolean isInAnyonesReach() {
    try {
      return Files.getPosixFilePermissions(Objects.requireNonNull(file.getParent()))
          .contains(PosixFilePermission.OTHERS_WRITE);
    } catch (IOException | UnsupportedOperationException notThereOrNoPosix) {
      return false;
    }
  }

  public Path file() {
    return file;
  }

  /** Writes the snapshot, in place of an earlier one. */
  public void write(long revision, Collection<Entry> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeLong(revision);
    out.writeInt(entries.size());
    for (Entry e : entries) {
      out.writeUTF(e.key);
      out.writeLong(e.modRevision);
      out.writeInt(e.value.length);
      out.write(e.value);
    }
    byte[] body = bytes.toByteArray();
    directory();
    deleteAbandoned();
    // a name of its own: another instance of the service may be writing the same snapshot
    String name = file.getFileName() + "." + Long.toHexString(UNIQUE.nextLong()) + TEMPORARY;
    Path temporary = file.resolveSibling(name);
    create(temporary);
    try {
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        for (byte[] part : new byte[][] {HEAD, digest(ByteBuffer.wrap(body)), body}) {
          ByteBuffer buffer = ByteBuffer.wrap(part);
          while (buffer.hasRemaining()) {
            channel.write(buffer);
          }
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary); // there only if something failed
    }
  }

  private void deleteAbandoned() throws IOException {
    long before = System.currentTimeMillis() - ABANDONED_MS;
    try (DirectoryStream<Path> siblings =
        Files.newDirectoryStream(
            Objects.requireNonNull(file.getParent()), file.getFileName() + ".*" + TEMPORARY)) {
      for (Path sibling : siblings) {
        if (Files.getLastModifiedTime(sibling).toMillis() < before) {
          Files.deleteIfExists(sibling);
        }
      }
    } catch (NoSuchFileException | DirectoryIteratorException gone) {
      // another process has just renamed or deleted one: the next writing looks again
    }
  }

  /**
   * Reads what is there.
   *
   * @return null when there is nothing
   * @throws IOException saying in what way it is damaged or unreadable
   */
  public @Nullable Content read() throws IOException {
    if (!Files.exists(file)) {
      return null;
    }
    byte[] all = BoundedFiles.read(file, maxBytes);
    if (all == null) {
      throw new IOException(
          file + " has more than " + maxBytes + " bytes, too much for this JVM's heap");
    }
    int start = HEAD.length + DIGEST;
    if (all.length < start || !Arrays.equals(Arrays.copyOf(all, HEAD.length), HEAD)) {
      throw new IOException(file + " is damaged or of another version");
    }
    ByteBuffer body = ByteBuffer.wrap(all, start, all.length - start);
    if (!Arrays.equals(Arrays.copyOfRange(all, HEAD.length, start), digest(body))) {
      throw new IOException(file + " is damaged: its checksum does not match");
    }
    DataInputStream in =
        new DataInputStream(new ByteArrayInputStream(all, start, all.length - start));
    long revision = in.readLong();
    int count = in.readInt();
    List<Entry> entries = new ArrayList<Entry>();
    for (int i = 0; i < count; i++) {
      String key = in.readUTF();
      long modRevision = in.readLong();
      int length = in.readInt();
      if (length < 0 || length > MAX_VALUE) {
        throw new IOException(file + " is damaged: a value of " + length + " bytes");
      }
      byte[] value = new byte[length];
      in.readFully(value);
      // nobody asks a snapshot for the revision at which a key was made; no lease
      entries.add(new Entry(key, value, modRevision, modRevision, 0));
    }
    return new Content(revision, entries);
  }

  /** Creates the directory for its owner alone; an existing one keeps its permissions. */
  private void directory() throws IOException {
    Path directory = Objects.requireNonNull(file.getParent());
    if (Files.isDirectory(directory)) {
      return;
    }
    try {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (UnsupportedOperationException noPosix) {
      Files.createDirectories(directory);
    }
  }

  private static void create(Path path) throws IOException {
    try {
      Files.createFile(
          path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } catch (UnsupportedOperationException noPosix) {
      Files.createFile(path);
    }
  }

  private static byte[] digest(ByteBuffer body) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update(body);
      return sha.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
