package io.weir.control.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A TCP proxy between a client under test and a server, both on the loopback: cuts connections,
 * refuses new ones, swallows bytes (the peer looks mute), delays them, or silences single streams.
 * For plain HTTP/2, whose frames it reads. Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Set<Streams> streams = ConcurrentHashMap.newKeySet();
  private final AtomicLong answered = new AtomicLong();
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile boolean refusing;
  private volatile boolean swallowing;
  private volatile long delayNanos;

  /**
   * @param target a port on 127.0.0.1
   */
  public TcpProxy(int target) {
    this("127.0.0.1", target);
  }

  /**
   * @param address an address of the loopback to listen at
   * @param target a port on 127.0.0.1
   */
  public TcpProxy(String address, int target) {
    this.target = target;
    try {
      listener = new ServerSocket(0, 50, InetAddress.getByName(address));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    daemon("proxy-accept", this::accept);
  }

  public int port() {
    return listener.getLocalPort();
  }

  public String endpoint() {
    return "http://127.0.0.1:" + port();
  }

  /** Breaks every connection there is; new ones are let through. */
  public void cut() {
    for (Socket s : open) {
      close(s);
    }
  }

  /** While true, new connections are closed at once and the present ones are cut. */
  public void refuse(boolean on) {
    refusing = on;
    if (on) {
      cut();
    }
  }

  /**
   * While true, everything sent in either direction is read and thrown away. A connection that lost
   * something so stays mute for ever: only a new one gets through afterwards.
   */
  public void swallow(boolean on) {
    swallowing = on;
  }

  /** Each chunk of bytes waits so long before it is passed on. */
  public void delay(long nanos) {
    delayNanos = nanos;
  }

  /**
   * Makes the streams mute that are open now in plain HTTP/2 connections: what the server still
   * says on them is dropped, while everything else on the same connection, pings and later calls,
   * goes on. So a long-lived stream dies without a word.
   */
  public void muteStreams() {
    streams.forEach(Streams::mute);
  }

  /** Connections taken so far, the refused ones too. */
  public int accepted() {
    return accepted.get();
  }

  /** Bytes the server has sent so far. */
  public long answered() {
    return answered.get();
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    cut();
  }

  private void accept() {
    while (!listener.isClosed()) {
      Socket in;
      try {
        in = listener.accept();
      } catch (IOException closed) {
        return;
      }
      accepted.incrementAndGet();
      if (refusing) {
        close(in);
        continue;
      }
      try {
        Socket out = new Socket(InetAddress.getByName("127.0.0.1"), target);
        in.setTcpNoDelay(true);
        out.setTcpNoDelay(true);
        open.add(in);
        open.add(out);
        Streams both = new Streams();
        streams.add(both);
        daemon("proxy-up", () -> pump(in, out, both.requests, both));
        daemon("proxy-down", () -> pump(out, in, both.answers, both));
      } catch (IOException targetAway) {
        close(in);
      }
    }
  }

  /** The streams of one HTTP/2 connection, read off the frames that pass. */
  private static final class Streams {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RESET = 3;
    private static final int PREFACE = 24;

    final Set<Integer> open = ConcurrentHashMap.newKeySet();
    final Set<Integer> mute = ConcurrentHashMap.newKeySet();
    final Frames requests =
        new Frames(PREFACE) {
          @Override
          boolean drops(int type, boolean end, int stream) {
            if (type == HEADERS) {
              open.add(stream);
            }
            return false;
          }
        };
    final Frames answers =
        new Frames(0) {
          @Override
          boolean drops(int type, boolean end, int stream) {
            if (type == RESET || end && (type == HEADERS || type == DATA)) {
              open.remove(stream);
            }
            return type == DATA && mute.contains(stream);
          }
        };

    void mute() {
      mute.addAll(open);
    }
  }

  /** Takes bytes in any portions and leaves out frames. Of one thread. */
  private abstract static class Frames {
    private final byte[] head = new byte[9];
    private int headBytes;
    private int payload;
    private boolean dropping;

    /**
     * @param payload bytes before the first frame
     */
    Frames(int payload) {
      this.payload = payload;
    }

    abstract boolean drops(int type, boolean end, int stream);

    byte[] filter(byte[] in, int n) {
      ByteArrayOutputStream out = new ByteArrayOutputStream(n);
      for (int i = 0; i < n; ) {
        if (payload > 0) {
          int part = Math.min(payload, n - i);
          if (!dropping) {
            out.write(in, i, part);
          }
          payload -= part;
          i += part;
        } else {
          head[headBytes++] = in[i++];
          if (headBytes == head.length) {
            headBytes = 0;
            payload = (head[0] & 0xff) << 16 | (head[1] & 0xff) << 8 | head[2] & 0xff;
            int stream =
                (head[5] & 0x7f) << 24
                    | (head[6] & 0xff) << 16
                    | (head[7] & 0xff) << 8
                    | head[8] & 0xff;
            dropping = drops(head[3], (head[4] & 1) != 0, stream);
            if (!dropping) {
              out.write(head, 0, head.length);
            }
          }
        }
      }
      return out.toByteArray();
    }
  }

  private void pump(Socket from, Socket to, Frames frames, Streams both) {
    byte[] buffer = new byte[16384];
    boolean holed = false;
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        long wait = delayNanos;
        if (wait > 0) {
          LockSupport.parkNanos(wait);
        }
        if (frames == both.answers) {
          answered.addAndGet(n);
        }
        byte[] passed = frames.filter(buffer, n);
        holed |= swallowing;
        if (!holed && passed.length > 0) {
          out.write(passed);
        }
      }
    } catch (IOException broken) {
      // both ends are closed below
    }
    streams.remove(both);
    close(from);
    close(to);
  }

  private void close(Socket s) {
    open.remove(s);
    try {
      // a reset, not an orderly end: a cable that is pulled says nothing
      s.setSoLinger(true, 0);
      s.close();
    } catch (IOException e) {
      // already gone
    }
  }

  private static void daemon(String name, Runnable body) {
    Thread t = new Thread(body, name);
    t.setDaemon(true);
    t.start();
  }

  /** For messages. */
  @Override
  public String toString() {
    return endpoint() + " -> " + target + ", " + TimeUnit.NANOSECONDS.toMillis(delayNanos) + " ms";
  }
}
