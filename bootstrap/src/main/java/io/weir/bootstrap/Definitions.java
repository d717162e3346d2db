package io.weir.bootstrap;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What {@code java.lang.ClassLoader.defineClass} asks, once it is woven, before it defines a class.
 *
 * <p>Promise: the three methods that are called from there never throw, and answer what they were
 * given for every class that nobody weaves. They are called by whatever thread loads a class, with
 * the loader's lock held.
 */
public abstract class Definitions {

  private static volatile @Nullable Definitions asked;

  private static final AtomicLong FAILURES = new AtomicLong();

  /** From now on {@code definitions} is asked; null: nobody. */
  public static void ask(@Nullable Definitions definitions) {
    asked = definitions;
  }

  /** The class file to define instead of these bytes, or {@code bytes} itself. */
  public static byte[] of(
      ClassLoader loader, @Nullable String name, byte[] bytes, int offset, int length) {
    Definitions d = asked;
    if (d == null) {
      return bytes;
    }
    try {
      byte[] woven = d.woven(loader, name, bytes, offset, length);
      return woven == null ? bytes : woven;
    } catch (Throwable t) {
      failed(d, t);
      return bytes; // the application's class is defined as it is
    }
  }

  /** Where the class file begins in {@code now}, which {@link #of} said. */
  public static int offset(byte[] now, byte[] given, int offset) {
    return now == given ? offset : 0;
  }

  /** How long the class file in {@code now} is, which {@link #of} said. */
  public static int length(byte[] now, byte[] given, int length) {
    return now == given ? length : now.length;
  }

  /**
   * The same for a buffer. One on the heap is left alone: {@code defineClass} then goes on with its
   * bytes, and asks again.
   */
  public static ByteBuffer of(ClassLoader loader, @Nullable String name, ByteBuffer buffer) {
    Definitions d = asked;
    if (d == null || buffer == null || !buffer.isDirect()) {
      return buffer;
    }
    try {
      byte[] woven = d.woven(loader, name, buffer);
      return woven == null ? buffer : ByteBuffer.wrap(woven);
    } catch (Throwable t) {
      failed(d, t);
      return buffer;
    }
  }

  /** How many classes are as they were because what should have woven them threw. */
  public static long failures() {
    return FAILURES.get();
  }

  /** Counts one of {@link #failures}. */
  public static void failed() {
    FAILURES.incrementAndGet();
  }

  private static void failed(Definitions definitions, Throwable cause) {
    failed();
    try {
      definitions.threw(cause);
    } catch (Throwable ignored) {
      // the application's class is defined, whatever happens here
    }
  }

  /** One of the two methods below threw; it is counted already. */
  protected abstract void threw(Throwable cause);

  /**
   * @param name with dots; null where the loader leaves it to the class file
   * @return null: as it is
   */
  protected abstract byte @Nullable [] woven(
      ClassLoader loader, @Nullable String name, byte[] bytes, int offset, int length);

  /** The same for what lies in a direct buffer, whose position must stay where it is. */
  protected abstract byte @Nullable [] woven(
      ClassLoader loader, @Nullable String name, ByteBuffer buffer);
}
