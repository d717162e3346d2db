package io.weir.agent.cli;

import io.weir.control.etcd.EtcdOptions;
import io.weir.control.etcd.EtcdStore;
import io.weir.control.loop.Log;
import io.weir.control.store.Store;
import io.weir.control.store.Txn;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Rules in etcd. */
final class EtcdTree extends Tree {
  private static final long ANSWER_SECONDS = 10;
  private final EtcdStore store;

  EtcdTree(EtcdOptions options) {
    super(options.toString());
    store = EtcdStore.overseer(options, loop, Log.NONE);
  }

  @Override
  Store store() {
    return store;
  }

  @Override
  boolean hasStatus() {
    return true;
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
