package io.weir.control.etcd;

import io.weir.control.Log;
import io.weir.control.Loop;
import io.weir.control.store.LeaseSession;
import io.weir.control.store.SharedStore;
import io.weir.control.store.Txn;

/** Placeholder of the next commit: reports that it cannot connect. */
public final class EtcdStore implements SharedStore {
  private final Loop loop;

  public EtcdStore(EtcdOptions options, Loop loop, Log log) {
    this.loop = loop;
  }

  @Override
  public void start(Listener listener) {
    loop.execute(() -> listener.onConnected(false, "the etcd store follows in the next commit"));
  }

  @Override
  public void txn(Txn txn, Txn.Done done) {
    loop.execute(() -> done.done(new Txn.Outcome(Txn.Outcome.Kind.UNKNOWN, 0, "no etcd yet")));
  }

  @Override
  public LeaseSession lease(int ttlSeconds, LeaseSession.Listener listener) {
    throw new UnsupportedOperationException("no etcd yet");
  }

  @Override
  public void grant(int ttlSeconds, Granted done) {
    loop.execute(() -> done.granted(0));
  }

  @Override
  public void close() {}
}
