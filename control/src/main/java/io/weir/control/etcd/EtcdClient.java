package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.List;

/**
 * What the store needs of an etcd client, and no more, so that another client can take jetcd's
 * place and tests can play etcd. Keys are complete, with their namespace.
 *
 * <p>No method blocks. Answers come on any thread, at most once, possibly never: the store has
 * timers of its own.
 */
interface EtcdClient {
  /** etcd takes 128 operations in one transaction unless told otherwise. */
  int MOST_RUNS = 100;

  /** Told the outcome of one call. */
  interface Answer<T> {
    void ok(T value);

    void failed(EtcdCallException e);
  }

  /** A page of a range. Immutable. */
  final class Page {
    final long clusterId;

    /** The store's revision when the range was served. */
    final long revision;

    final List<Entry> entries;
    final boolean more;

    Page(long clusterId, long revision, List<Entry> entries, boolean more) {
      this.clusterId = clusterId;
      this.revision = revision;
      this.entries = entries;
      this.more = more;
    }
  }

  /** Neighbouring keys, from the first to the last of them. Immutable. */
  final class Run {
    final String from;

    /** Exclusive. */
    final String to;

    Run(String from, String to) {
      this.from = from;
      this.to = to;
    }
  }

  /** One message of a watch. Immutable. */
  final class Events {
    final boolean created;
    final long clusterId;
    final long revision;

    /** In order; an entry with a null value is a deletion. */
    final List<Entry> events;

    Events(boolean created, long clusterId, long revision, List<Entry> events) {
      this.created = created;
      this.clusterId = clusterId;
      this.revision = revision;
      this.events = events;
    }
  }

  /** Told a watch's messages. Must hand over and return at once, and never throw. */
  interface Watching {
    void events(Events e);

    /** The watch broke, or ended. */
    void broken(EtcdCallException e);
  }

  /** A watch under way. */
  interface Watch {
    /** Asks etcd to say something on it: an {@link Events} without any event. */
    void ping();

    /**
     * The last message was taken: the next one may come. One that is not asked for waits at etcd,
     * so that a store that is busy never holds more than one.
     */
    void next();

    /** Ends it; its listener hears nothing sensible any more. */
    void close();
  }

  /**
   * @param to exclusive
   * @param revision 0 for the newest
   * @param keysOnly values come back empty
   */
  void range(
      String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer);

  /**
   * Answers the entries of all runs, in their order, with their values.
   *
   * @param runs at most {@value #MOST_RUNS}
   * @param revision all of them as of this one
   * @param mostBytes a larger answer fails as {@link EtcdCallException.Kind#TOO_LARGE}, and is not
   *     read
   */
  void values(List<Run> runs, long revision, int mostBytes, Answer<List<Entry>> answer);

  /** A watch; its first message comes unasked. */
  Watch watch(String from, String to, long revision, Watching watching);

  /** Answers whether it succeeded, with the revision. */
  void txn(Txn txn, Answer<Txn.Outcome> answer);

  /** Answers the lease's id. */
  void grant(int ttlSeconds, Answer<Long> answer);

  /** Answers the seconds left. */
  void keepAlive(long lease, Answer<Long> answer);

  void revoke(long lease, Answer<Long> answer);

  /**
   * Answers, without logging in, a number that changes when users, roles or passwords do: how many
   * entries etcd has applied that were no writes of keys. It may be off by what is being written
   * just now.
   */
  void aside(Answer<Long> answer);

  /** Ends the connection back-off: tries again now. */
  void reconnect();

  /** Leaves the connections there are, which may be mute, and makes new ones. */
  void reconnectAfresh();

  /** Whether a connection stands. One that is asked for by this. */
  boolean ready();

  void close();

  /** The process ends now: it is not to wait for threads of this client's. */
  void leave();

  /** Makes clients. */
  interface Factory {
    /** Connects lazily; throws when the options are unusable (a missing TLS file). */
    EtcdClient connect(EtcdOptions options);
  }
}
