package io.weir.agent;

import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * What lies in {@code inst.jar} inside {@code weir.jar}: every class and resource of the agent that
 * an application's loaders must not see.
 *
 * <p>To whoever looks, {@code inst.jar} is an ordinary jar, kept in ours as it is ({@code STORED}).
 * Not to us: a {@code JarFile} with eleven thousand entries is an index of 1.3 MB in each JVM's
 * heap, and an object, a stream and an inflater for each of the fifteen hundred classes of a start.
 * So the build lays the jar out for reading by position. Its first entry, {@code weir-index}, is a
 * sorted array of pairs
 *
 * <pre>
 *   int hash     String.hashCode() of a class's name (io.weir.X) or a resource's path (a/b)
 *   int offset   of its local header in inst.jar
 * </pre>
 *
 * and that is all there is in memory, eight bytes an entry. Two names may have one hash, and a name
 * that is not there the hash of one that is: what decides is the name in the local header, and that
 * also tells when the file is no longer the one that was opened. The classes that a start loads are
 * not compressed and lie in the order they are loaded in; the others are deflated. The hash is that
 * of the name as the JVM hands it to a loader, because there it has been computed before, for the
 * class loading lock.
 *
 * <p>The file is read by seek and read under a lock: a {@code FileChannel} is closed under
 * everybody when one thread reading from it is interrupted, and classes are loaded by the
 * application's threads; a mapping would count as resident memory, and end the JVM where the file
 * is cut short while it runs. It stays open as long as the JVM runs, so replacing {@code weir.jar}
 * by a new file changes nothing here; overwritten in place, what is not found any more is missing,
 * as in any jar.
 *
 * <p>Safe for any thread.
 */
final class Pack {
  static final String ENTRY = "inst.jar";
  static final String INDEX = "weir-index";

  /** Names the classes that belong in the boot loader, one a line. */
  static final String BOOT_INDEX = "io/weir/bootstrap/index";

  static final int LOCAL = 0x04034b50;
  static final int LOCAL_SIZE = 30;
  static final int CENTRAL = 0x02014b50;
  static final int CENTRAL_SIZE = 46;
  static final int END = 0x06054b50;
  static final int END_SIZE = 22;
  static final int DEFLATED = 8;

  /** Most class files are smaller. */
  static final int BUFFER = 16 << 10;

  private static final String CLASS = ".class";

  private final RandomAccessFile file;
  private final long start;
  private final ByteBuffer index;

  /** For local headers; guarded by file. */
  private byte[] header = new byte[LOCAL_SIZE + 128];

  private Pack(RandomAccessFile file) throws IOException {
    this.file = file;
    start = find(file);
    ByteBuffer first = little(at(file, start, LOCAL_SIZE));
    index = at(file, start + LOCAL_SIZE + INDEX.length(), first.getInt(22));
  }

  /**
   * Opens the pack in the agent's jar.
   *
   * @throws IOException where there is none, or not as the build made it
   */
  static Pack open(File jar) throws IOException {
    RandomAccessFile file = new RandomAccessFile(jar, "r");
    try {
      return new Pack(file);
    } catch (IOException | RuntimeException e) { // a place outside what was read
      file.close();
      throw new IOException(jar + " is damaged or was packed anew: " + e.getMessage(), e);
    }
  }

  /** The class file of a class, by its name with dots; null where there is none. */
  byte @Nullable [] classFile(String name) throws IOException {
    byte[][] exact = new byte[1][];
    return read(name, CLASS, exact) < 0 ? null : exact[0];
  }

  /**
   * The same into a buffer that is used again, because a start reads some ten megabytes of class
   * files, and what nobody collects stays resident.
   *
   * @param buffer its one element is replaced by a larger one where that is needed
   * @return the size of the class file, -1 where there is none
   */
  int classFile(String name, byte[][] buffer) throws IOException {
    return read(name, CLASS, buffer);
  }

  /** A resource, classes included; null where there is none. */
  byte @Nullable [] resource(String path) throws IOException {
    int dot = path.length() - CLASS.length();
    if (path.endsWith(CLASS) && path.indexOf('.') == dot) {
      return classFile(path.substring(0, dot).replace('/', '.'));
    }
    byte[][] exact = new byte[1][];
    return read(path, "", exact) < 0 ? null : exact[0];
  }

  /**
   * @param into its element null: is set to an array of just the size
   */
  private int read(String name, String suffix, byte[][] into) throws IOException {
    int hash = name.hashCode();
    int i = first(hash);
    for (; i < index.limit() && index.getInt(i) == hash; i += 8) {
      byte[] deflated;
      int size;
      synchronized (file) {
        file.seek(start + index.getInt(i + 4));
        int length = name.length() + suffix.length();
        if (header.length < LOCAL_SIZE + length) {
          header = new byte[LOCAL_SIZE + length];
        }
        file.readFully(header, 0, LOCAL_SIZE + length);
        ByteBuffer local = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        if (local.getInt(0) != LOCAL || local.getShort(26) != length || !isNamed(name, suffix)) {
          continue;
        }
        size = local.getInt(22);
        if (local.getShort(8) != DEFLATED) {
          file.readFully(room(into, size), 0, size);
          return size;
        }
        deflated = new byte[local.getInt(18)];
        file.readFully(deflated);
      }
      inflate(deflated, room(into, size), size);
      return size;
    }
    return -1;
  }

  private static byte[] room(byte[][] into, int size) {
    if (into[0] == null) {
      into[0] = new byte[size];
    } else if (into[0].length < size) {
      into[0] = new byte[size + BUFFER];
    }
    return into[0];
  }

  /** The place in the index of the first pair with this hash, or one more. */
  private int first(int hash) {
    int low = 0;
    int high = index.limit() / 8;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (index.getInt(middle * 8) < hash) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low * 8;
  }

  /** Whether the header read is that of this name. Called under the lock. */
  private boolean isNamed(String name, String suffix) {
    boolean isClass = !suffix.isEmpty();
    int at = LOCAL_SIZE;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (header[at++] != (isClass && c == '.' ? '/' : c)) {
        return false;
      }
    }
    for (int i = 0; i < suffix.length(); i++) {
      if (header[at++] != suffix.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  private static void inflate(byte[] data, byte[] b, int size) throws IOException {
    Inflater inflater = new Inflater(true);
    try {
      // older zlibs want a byte more than there is
      inflater.setInput(Arrays.copyOf(data, data.length + 1));
      for (int n = 0; n < size; ) {
        int more = inflater.inflate(b, n, size - n);
        if (more == 0) {
          throw new EOFException("an entry ends too soon");
        }
        n += more;
      }
    } catch (DataFormatException damaged) {
      throw new IOException(damaged);
    } finally {
      inflater.end();
    }
  }

  /** Where inst.jar begins in a jar, which must not compress it. */
  private static long find(RandomAccessFile file) throws IOException {
    ByteBuffer end = little(at(file, file.length() - END_SIZE, END_SIZE));
    if (end.getInt(0) != END) {
      throw new IOException("it does not end as a jar");
    }
    ByteBuffer entries = little(at(file, end.getInt(16), end.getInt(12)));
    for (int i = 0; i + CENTRAL_SIZE <= entries.limit(); ) {
      int length = entries.getShort(i + 28) & 0xffff;
      int data = entries.getInt(i + 42);
      if (ENTRY.equals(
          new String(entries.array(), i + CENTRAL_SIZE, length, StandardCharsets.US_ASCII))) {
        if (entries.getShort(i + 10) != 0) {
          throw new IOException(ENTRY + " in it is compressed");
        }
        ByteBuffer local = little(at(file, data, LOCAL_SIZE));
        return (long) data + LOCAL_SIZE + local.getShort(26) + local.getShort(28);
      }
      int more = (entries.getShort(i + 30) & 0xffff) + (entries.getShort(i + 32) & 0xffff);
      i += CENTRAL_SIZE + length + more;
    }
    throw new IOException("no " + ENTRY + " in it");
  }

  private static ByteBuffer at(RandomAccessFile file, long place, int size) throws IOException {
    if (place < 0 || size < 0 || size > file.length() - place) {
      throw new EOFException("it ends too soon");
    }
    byte[] b = new byte[size];
    file.seek(place);
    file.readFully(b);
    return ByteBuffer.wrap(b);
  }

  private static ByteBuffer little(ByteBuffer b) {
    return b.order(ByteOrder.LITTLE_ENDIAN);
  }
}
