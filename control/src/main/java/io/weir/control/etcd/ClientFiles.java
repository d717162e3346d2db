package io.weir.control.etcd;

import io.weir.control.loop.Daemon;
import io.weir.control.loop.Log;
import io.weir.control.loop.Loop;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Makes clients, and looks whether the files of certificates or of the password have changed. Both
 * may read files (a network file system may hang), so where there are any it happens on the thread
 * {@code weir-etcd-files}, which ends after 5 s without work.
 *
 * <p>On the loop only.
 */
final class ClientFiles {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int IDLE_SECONDS = 5;

  private final EtcdOptions options;
  private final EtcdClient.Factory factory;
  private final Loop loop;
  private final Runnable changed;
  private final ThreadPoolExecutor thread;

  /** The files as they were when the last client was made. */
  private long used;

  private boolean looking;
  private boolean connecting;

  /**
   * @param changed told on the loop when the files are found to have changed since the last client
   */
  ClientFiles(
      EtcdOptions options, EtcdClient.Factory factory, Loop loop, Log log, Runnable changed) {
    this.changed = changed;
    this.options = options;
    this.factory = factory;
    this.loop = loop;
    thread =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<Runnable>(),
            task -> Daemon.thread("weir-etcd-files", task, log));
    thread.allowCoreThreadTimeOut(true);
  }

  /**
   * Makes a client; one of the two is told, on the loop.
   *
   * @param awaited false: nobody waits for it any more
   */
  void connect(
      BooleanSupplier awaited, Consumer<EtcdClient> made, Consumer<EtcdCallException> failed) {
    if (!options.readsFiles()) {
      EtcdClient wire;
      try {
        wire = factory.connect(options);
      } catch (RuntimeException | LinkageError e) {
        failed.accept(failure(e));
        return;
      }
      made.accept(wire);
      return;
    }
    if (connecting) {
      failed.accept(hang());
      return;
    }
    connecting = true;
    loop.schedule(
        () -> {
          if (connecting && awaited.getAsBoolean()) {
            failed.accept(hang());
          }
        },
        PATIENCE_NANOS);
    try {
      thread.execute(() -> read(made, failed, awaited));
    } catch (RuntimeException | Error e) {
      connecting = false;
      throw e;
    }
  }

  private void read(
      Consumer<EtcdClient> made, Consumer<EtcdCallException> failed, BooleanSupplier awaited) {
    try {
      long stamp = options.filesStamp();
      EtcdClient wire = factory.connect(options);
      loop.execute(
          () -> {
            connecting = false;
            used = stamp;
            made.accept(wire);
          });
    } catch (Throwable e) {
      loop.execute(
          () -> {
            connecting = false;
            if (awaited.getAsBoolean()) {
              failed.accept(failure(e));
            }
          });
    }
  }

  /** Looks whether the files have changed. */
  void look() {
    if (options.readsFiles() && !looking) {
      looking = true;
      try {
        thread.execute(
            () -> {
              long stamp = options.filesStamp();
              loop.execute(
                  () -> {
                    looking = false;
                    if (stamp != used && !connecting) {
                      changed.run();
                    }
                  });
            });
      } catch (RuntimeException | Error e) {
        looking = false;
        throw e;
      }
    }
  }

  private static EtcdCallException failure(Throwable e) {
    return new EtcdCallException(EtcdCallException.Kind.TLS, String.valueOf(e.getMessage()));
  }

  private static EtcdCallException hang() {
    return new EtcdCallException(
        EtcdCallException.Kind.TLS,
        "the files of certificates or password cannot be read: they do not answer");
  }
}
