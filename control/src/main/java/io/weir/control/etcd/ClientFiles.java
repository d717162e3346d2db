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
 * Makes clients, and checks whether the files of certificates or password have changed. Both may
 * read files, and a network file system may hang. So with such files it happens on the thread
 * {@code weir-etcd-files}, which ends after 5 s without work.
 *
 * <p>The methods are called on the loop only.
 */
final class ClientFiles {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int IDLE_SECONDS = 5;

  private final EtcdOptions options;
  private final EtcdClient.Factory factory;
  private final Loop loop;
  private final Runnable changed;
  private final ThreadPoolExecutor thread;

  /** {@link EtcdOptions#filesStamp} when the last client was made. */
  private long usedStamp;

  private boolean checking;
  private boolean connecting;

  /**
   * @param changed is called on the loop when the files have changed since the last client was made
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
   * Makes a client. Calls {@code made} or {@code failed} on the loop.
   *
   * @param stillWanted false: the result is not wanted any more; {@code made} is called all the
   *     same, and must close the client
   */
  void connect(
      BooleanSupplier stillWanted, Consumer<EtcdClient> made, Consumer<EtcdCallException> failed) {
    if (!options.readsFiles()) {
      EtcdClient client;
      try {
        client = factory.connect(options);
      } catch (RuntimeException | LinkageError e) {
        failed.accept(failure(e));
        return;
      }
      made.accept(client);
      return;
    }
    if (connecting) {
      failed.accept(filesHang());
      return;
    }
    connecting = true;
    loop.schedule(
        () -> {
          if (connecting && stillWanted.getAsBoolean()) {
            failed.accept(filesHang());
          }
        },
        PATIENCE_NANOS);
    try {
      thread.execute(() -> read(made, failed, stillWanted));
    } catch (RuntimeException | Error e) {
      connecting = false;
      throw e;
    }
  }

  private void read(
      Consumer<EtcdClient> made, Consumer<EtcdCallException> failed, BooleanSupplier stillWanted) {
    try {
      long stamp = options.filesStamp();
      EtcdClient client = factory.connect(options);
      loop.execute(
          () -> {
            connecting = false;
            usedStamp = stamp;
            made.accept(client);
          });
    } catch (Throwable e) {
      loop.execute(
          () -> {
            connecting = false;
            if (stillWanted.getAsBoolean()) {
              failed.accept(failure(e));
            }
          });
    }
  }

  /** Checks whether the files have changed. */
  void check() {
    if (options.readsFiles() && !checking) {
      checking = true;
      try {
        thread.execute(
            () -> {
              long stamp = options.filesStamp();
              loop.execute(
                  () -> {
                    checking = false;
                    if (stamp != usedStamp && !connecting) {
                      changed.run();
                    }
                  });
            });
      } catch (RuntimeException | Error e) {
        checking = false;
        throw e;
      }
    }
  }

  private static EtcdCallException failure(Throwable e) {
    return new EtcdCallException(EtcdCallException.Kind.TLS, String.valueOf(e.getMessage()));
  }

  private static EtcdCallException filesHang() {
    return new EtcdCallException(
        EtcdCallException.Kind.TLS,
        "the files of certificates or password cannot be read: they do not answer");
  }
}
