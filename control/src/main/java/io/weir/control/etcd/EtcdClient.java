package io.weir.control.etcd;

import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.List;

/**
 * The part of an etcd client that the store uses, so that tests can replace it. Keys are complete:
 * they have their namespace.
 *
 * <p>No method blocks. Answers come on any thread, at most once, possibly never: the store has its
 * own timers.
 */
interface EtcdClient {
  /** Below etcd's default limit, 128 operations in one transaction. */
  int MOST_RUNS = 100;

  /** The callback of one call. */
  interface Answer<T> {
    void ok(T value);

    void failed(EtcdCallException e);
  }

  /** One answer to {@link #range}. Immutable. */
  final class Page {
    final long clusterId;

    /** The store's revision when the range was served. */
    final long revision;

    final List<Entry> entries;

    /** Whether the range has more keys than the limit of this page. */
    final boolean more;

    Page(long clusterId, long revision, List<Entry> entries, boolean more) {
      this.clusterId = clusterId;
      this.revision = revision;
      this.entries = entries;
      this.more = more;
    }
  }

  /** A range without keys of others: the wanted keys from the first to the last. Immutable. */
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
    /** Whether this message confirms that etcd has created the watch. */
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

  /** Gets a watch's messages, on any thread. Must return at once and never throw. */
  interface WatchListener {
    void events(Events e);

    /** The watch broke, or ended. */
    void broken(EtcdCallException e);
  }

  /** A watch under way. */
  interface Watch {
    /** Asks etcd to send a message on the watch: an {@link Events} without events. */
    void ping();

    /**
     * Requests the next message. Until then it waits at etcd, so that a busy store never has more
     * than one message in memory.
     */
    void next();

    /** Ends the watch. The listener must ignore what it still gets. */
    void close();
  }

  /**
   * Reads a range in key order.
   *
   * @param to exclusive
   * @param limit the most entries of the answer
   * @param revision 0: the newest
   * @param keysOnly true: values are empty in the answer
   */
  void range(
      String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer);

  /**
   * Reads the entries of all runs with their values, in the order of the runs.
   *
   * @param runs at most {@value #MOST_RUNS}
   * @param revision the revision at which all are read
   * @param maxBytes a larger answer fails as {@link EtcdCallException.Kind#TOO_LARGE} and is not
   *     taken into memory
   */
  void values(List<Run> runs, long revision, int maxBytes, Answer<List<Entry>> answer);

  /**
   * Watches a range.
   *
   * @param to exclusive
   * @param revision the first revision whose events are sent; 0: the next one
   * @param listener gets the first message without {@link Watch#next}
   */
  Watch watch(String from, String to, long revision, WatchListener listener);

  /** Sends a transaction. */
  void txn(Txn txn, Answer<Txn.Outcome> answer);

  /** Creates a lease; the answer is its id. */
  void grant(int ttlSeconds, Answer<Long> answer);

  /** Renews a lease; the answer is the seconds it has now. */
  void keepAlive(long lease, Answer<Long> answer);

  /** Revokes a lease; the answer has no meaning. */
  void revoke(long lease, Answer<Long> answer);

  /**
   * Reads, without a log-in, a number that changes when users, roles or passwords change: how many
   * entries of etcd's log were not writes of keys. While keys are being written it may be too high
   * for a moment.
   */
  void authChangeCounter(Answer<Long> answer);

  /** Ends the back-off between attempts to connect: tries again now. */
  void reconnect();

  /** Gives up the existing connections, which may be dead, and makes new ones. */
  void reconnectAfresh();

  /** Whether there is a connection. If not, this starts to make one. */
  boolean ready();

  void close();

  /** Ends the connections, because the process exits now and must not wait for their threads. */
  void closeAtExit();

  /** Makes clients. */
  interface Factory {
    /**
     * Makes a client, which connects at its first call.
     *
     * @throws RuntimeException the options cannot be used, for example a TLS file is missing
     */
    EtcdClient connect(EtcdOptions options);
  }
}
