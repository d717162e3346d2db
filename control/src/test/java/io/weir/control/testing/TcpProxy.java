package io.weir.control.testing;

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
import java.util.concurrent.locks.LockSupport;

/**
 * A TCP proxy between a client under test and a server, both on the loopback: cuts connections,
 * refuses new ones, swallows bytes (the peer looks mute) or delays them. Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {
  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile boolean refusing;
  private volatile boolean swallowing;
  private volatile long delayNanos;

  /**
   * @param target a port on 127.0.0.1
   */
  public TcpProxy(int target) {
    this.target = target;
    try {
      listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
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

  /** While true, everything sent in either direction is read and thrown away. */
  public void swallow(boolean on) {
    swallowing = on;
  }

  /** Each chunk of bytes waits so long before it is passed on. */
  public void delay(long nanos) {
    delayNanos = nanos;
  }

  /** Connections taken so far, the refused ones too. */
  public int accepted() {
    return accepted.get();
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
        daemon("proxy-up", () -> pump(in, out));
        daemon("proxy-down", () -> pump(out, in));
      } catch (IOException targetAway) {
        close(in);
      }
    }
  }

  private void pump(Socket from, Socket to) {
    byte[] buffer = new byte[16384];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        long wait = delayNanos;
        if (wait > 0) {
          LockSupport.parkNanos(wait);
        }
        if (!swallowing) {
          out.write(buffer, 0, n);
        }
      }
    } catch (IOException broken) {
      // both ends are closed below
    }
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
