package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.List;

/** Passes everything on; tests override what they tamper with. */
class FilteringEtcdClient implements EtcdClient {
  private final EtcdClient wire;

  FilteringEtcdClient(EtcdClient wire) {
    this.wire = wire;
  }

  @Override
  public void range(
      String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer) {
    wire.range(from, to, limit, revision, keysOnly, answer);
  }

  @Override
  public void values(List<Run> runs, long revision, int mostBytes, Answer<List<Entry>> answer) {
    wire.values(runs, revision, mostBytes, answer);
  }

  @Override
  public Watch watch(String from, String to, long revision, WatchListener watching) {
    return wire.watch(from, to, revision, watching);
  }

  @Override
  public void txn(Txn txn, Answer<Txn.Outcome> answer) {
    wire.txn(txn, answer);
  }

  @Override
  public void grant(int ttlSeconds, Answer<Long> answer) {
    wire.grant(ttlSeconds, answer);
  }

  @Override
  public void keepAlive(long lease, Answer<Long> answer) {
    wire.keepAlive(lease, answer);
  }

  @Override
  public void revoke(long lease, Answer<Long> answer) {
    wire.revoke(lease, answer);
  }

  @Override
  public void authChangeCounter(Answer<Long> answer) {
    wire.authChangeCounter(answer);
  }

  @Override
  public void reconnect() {
    wire.reconnect();
  }

  @Override
  public void reconnectAfresh() {
    wire.reconnectAfresh();
  }

  @Override
  public boolean ready() {
    return wire.ready();
  }

  @Override
  public void close() {
    wire.close();
  }

  @Override
  public void closeAtExit() {
    wire.closeAtExit();
  }
}
