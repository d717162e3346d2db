package io.weir.agent.cli;

import io.weir.control.ControlPlane;
import io.weir.control.etcd.EtcdOptions;
import io.weir.control.etcd.EtcdStore;
import io.weir.control.loop.Log;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Rules in etcd. */
final class EtcdTree extends RuleTree {
  private static final long ANSWER_SECONDS = 10;

  /** After a killed process nobody looks any more by then. */
  private static final int LOOK_SECONDS = 10;

  private final EtcdStore store;
  private final @Nullable String user;

  /**
   * @param follow whether it is looked at again after the first view
   */
  EtcdTree(EtcdOptions options, boolean follow) {
    super(options.toString());
    user = options.user;
    store = EtcdStore.forOperator(options, loop, Log.NONE, follow);
    Runtime.getRuntime().addShutdownHook(new Thread(store::closeAtExit, "weir-leave"));
  }

  @Override
  Store store() {
    return store;
  }

  @Override
  @Nullable String user() {
    return user;
  }

  @Override
  boolean hasStatus() {
    return true;
  }

  @Override
  void look(@Nullable String service) {
    String key =
        ControlPlane.LOOK + Long.toString(ThreadLocalRandom.current().nextLong() >>> 1, 36);
    store
        .lease(
            LOOK_SECONDS,
            new LeaseSession.Listener() {
              @Override
              public void onGranted(long id) {}

              @Override
              public void onLost(long id, String reason) {}
            })
        .hold(key, (service == null ? "" : service).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  Txn.Outcome commit(Txn txn) {
    CompletableFuture<Txn.Outcome> answer = new CompletableFuture<Txn.Outcome>();
    store.txn(txn, answer::complete);
    try {
      return answer.get(ANSWER_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return unknown("interrupted");
    } catch (ExecutionException | TimeoutException e) {
      return unknown("no answer within " + ANSWER_SECONDS + " s");
    }
  }

  /** Aside: nobody waits for a client to fold up when the answer has been given. */
  @Override
  public void close() {
    Thread aside = new Thread(super::close, "weir-close");
    aside.setDaemon(true);
    aside.start();
  }

  private static Txn.Outcome unknown(String why) {
    return new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, why);
  }
}
