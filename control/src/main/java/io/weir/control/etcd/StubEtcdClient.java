package io.weir.control.etcd;

import com.google.protobuf.ByteString;
import io.etcd.jetcd.api.Compare;
import io.etcd.jetcd.api.DeleteRangeRequest;
import io.etcd.jetcd.api.Event;
import io.etcd.jetcd.api.KVGrpc;
import io.etcd.jetcd.api.KeyValue;
import io.etcd.jetcd.api.LeaseGrantRequest;
import io.etcd.jetcd.api.LeaseGrpc;
import io.etcd.jetcd.api.LeaseKeepAliveRequest;
import io.etcd.jetcd.api.LeaseRevokeRequest;
import io.etcd.jetcd.api.MaintenanceGrpc;
import io.etcd.jetcd.api.PutRequest;
import io.etcd.jetcd.api.RangeRequest;
import io.etcd.jetcd.api.RangeResponse;
import io.etcd.jetcd.api.RequestOp;
import io.etcd.jetcd.api.ResponseOp;
import io.etcd.jetcd.api.StatusRequest;
import io.etcd.jetcd.api.TxnRequest;
import io.etcd.jetcd.api.WatchCreateRequest;
import io.etcd.jetcd.api.WatchGrpc;
import io.etcd.jetcd.api.WatchProgressRequest;
import io.etcd.jetcd.api.WatchRequest;
import io.etcd.jetcd.api.WatchResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * {@link EtcdClient} by the stubs that jetcd generates from etcd's protocol, on our own channel.
 *
 * <p>jetcd's client is not used: it resumes watches and so loses events, wraps every failure, and
 * keeps thread pools and an instance of Vert.x (docs/etcd.md).
 */
final class StubEtcdClient implements EtcdClient {
  private static final Metadata.Key<String> HAS_LEADER =
      Metadata.Key.of("hasleader", Metadata.ASCII_STRING_MARSHALLER);

  private final EtcdChannel connection;
  private final CallOptions options;
  private final @Nullable TokenLogin login;
  private final EtcdErrors failures;

  private StubEtcdClient(EtcdOptions etcd) {
    connection = EtcdChannel.open(etcd);
    login =
        etcd.user == null
            ? null
            : new TokenLogin(etcd.user, Objects.requireNonNull(etcd.password()));
    failures = new EtcdErrors(etcd.secure(), etcd.tlsCert);
    if (login == null) {
      options = CallOptions.DEFAULT;
    } else {
      login.useChannel(connection.channel);
      options = CallOptions.DEFAULT.withCallCredentials(login);
    }
  }

  static EtcdClient connect(EtcdOptions options) {
    return new StubEtcdClient(options);
  }

  @Override
  public void range(
      String from, String to, int limit, long revision, boolean keysOnly, Answer<Page> answer) {
    RangeRequest request =
        RangeRequest.newBuilder()
            .setKey(bytes(from))
            .setRangeEnd(bytes(to))
            .setLimit(limit)
            .setRevision(revision)
            .setKeysOnly(keysOnly)
            .build();
    send(KVGrpc.getRangeMethod(), request, answer, StubEtcdClient::page);
  }

  @Override
  public void values(List<Run> runs, long revision, int maxBytes, Answer<List<Entry>> answer) {
    CallOptions with = options.withMaxInboundMessageSize(maxBytes);
    if (runs.size() == 1) {
      send(
          KVGrpc.getRangeMethod(),
          with,
          values(runs.get(0), revision),
          answer,
          r -> entries(r, new ArrayList<Entry>(r.getKvsCount())));
      return;
    }
    TxnRequest.Builder request = TxnRequest.newBuilder();
    for (Run run : runs) {
      request.addSuccess(RequestOp.newBuilder().setRequestRange(values(run, revision)));
    }
    send(
        KVGrpc.getTxnMethod(),
        with,
        request.build(),
        answer,
        r -> {
          List<Entry> entries = new ArrayList<Entry>();
          for (ResponseOp of : r.getResponsesList()) {
            entries(of.getResponseRange(), entries);
          }
          return entries;
        });
  }

  private static RangeRequest values(Run run, long revision) {
    return RangeRequest.newBuilder()
        .setKey(bytes(run.from))
        .setRangeEnd(bytes(run.to))
        .setRevision(revision)
        .build();
  }

  private static List<Entry> entries(RangeResponse r, List<Entry> entries) {
    for (KeyValue kv : r.getKvsList()) {
      entries.add(entry(kv, kv.getValue().toByteArray()));
    }
    return entries;
  }

  private static Page page(RangeResponse r) {
    List<Entry> entries = entries(r, new ArrayList<Entry>(r.getKvsCount()));
    return new Page(
        r.getHeader().getClusterId(), r.getHeader().getRevision(), entries, r.getMore());
  }

  private static Entry entry(KeyValue kv, byte[] value) {
    return new Entry(
        kv.getKey().toStringUtf8(),
        value,
        kv.getCreateRevision(),
        kv.getModRevision(),
        kv.getLease());
  }

  @Override
  public void txn(Txn txn, Answer<Txn.Outcome> answer) {
    TxnRequest.Builder request = TxnRequest.newBuilder();
    for (Txn.Compare c : txn.compares()) {
      request.addCompare(
          Compare.newBuilder()
              .setKey(bytes(c.key))
              .setTarget(Compare.CompareTarget.MOD)
              .setResult(Compare.CompareResult.EQUAL)
              .setModRevision(c.modRevision));
    }
    for (Txn.Write w : txn.writes()) {
      request.addSuccess(
          w.value == null
              ? RequestOp.newBuilder()
                  .setRequestDeleteRange(DeleteRangeRequest.newBuilder().setKey(bytes(w.key)))
              : RequestOp.newBuilder()
                  .setRequestPut(
                      PutRequest.newBuilder()
                          .setKey(bytes(w.key))
                          .setValue(ByteString.copyFrom(w.value))
                          .setLease(w.lease)));
    }
    send(
        KVGrpc.getTxnMethod(),
        request.build(),
        answer,
        r ->
            new Txn.Outcome(
                r.getSucceeded() ? Txn.Outcome.Kind.DONE : Txn.Outcome.Kind.CONFLICT,
                r.getHeader().getRevision(),
                ""));
  }

  @Override
  public void grant(int ttlSeconds, Answer<Long> answer) {
    send(
        LeaseGrpc.getLeaseGrantMethod(),
        LeaseGrantRequest.newBuilder().setTTL(ttlSeconds).build(),
        answer,
        r -> r.getID());
  }

  @Override
  public void keepAlive(long lease, Answer<Long> answer) {
    // in etcd's protocol this is a stream; we open one for each request and its answer
    send(
        LeaseGrpc.getLeaseKeepAliveMethod(),
        LeaseKeepAliveRequest.newBuilder().setID(lease).build(),
        new Answer<Long>() {
          @Override
          public void ok(Long left) {
            if (left > 0) {
              answer.ok(left);
            } else {
              answer.failed(
                  new EtcdCallException(
                      EtcdCallException.Kind.NOT_FOUND, "etcd does not know the lease"));
            }
          }

          @Override
          public void failed(EtcdCallException e) {
            answer.failed(e);
          }
        },
        r -> r.getTTL());
  }

  @Override
  public void revoke(long lease, Answer<Long> answer) {
    send(
        LeaseGrpc.getLeaseRevokeMethod(),
        LeaseRevokeRequest.newBuilder().setID(lease).build(),
        answer,
        r -> 0L);
  }

  @Override
  public void authChangeCounter(Answer<Long> answer) {
    send(
        MaintenanceGrpc.getStatusMethod(),
        CallOptions.DEFAULT,
        StatusRequest.getDefaultInstance(),
        answer,
        r -> r.getRaftIndex() - r.getHeader().getRevision());
  }

  private <ReqT, RespT, R> void send(
      MethodDescriptor<ReqT, RespT> method,
      ReqT request,
      Answer<R> answer,
      Function<RespT, R> convert) {
    send(method, options, request, answer, convert);
  }

  private <ReqT, RespT, R> void send(
      MethodDescriptor<ReqT, RespT> method,
      CallOptions with,
      ReqT request,
      Answer<R> answer,
      Function<RespT, R> convert) {
    UnaryCall.send(
        connection.channel,
        method,
        with,
        request,
        new UnaryCall.Callback<RespT>() {
          @Override
          public void ok(RespT message) {
            R converted;
            try {
              converted = convert.apply(message);
            } catch (RuntimeException e) {
              failed(Status.INTERNAL.withCause(e));
              return;
            }
            answer.ok(converted);
          }

          @Override
          public void failed(Status status) {
            answer.failed(failure(status));
          }
        });
  }

  /** Translates a failure, and drops a log-in token that etcd no longer accepts. */
  private EtcdCallException failure(Status status) {
    EtcdCallException e = failures.of(status);
    if (e.text().contains("invalid auth token") || e.text().contains("auth store is old")) {
      forgetToken();
    }
    return e;
  }

  /** As {@link #failure}. For watches, etcd reports an old token as a missing permission. */
  private EtcdCallException watchFailure(Status status) {
    EtcdCallException e = failure(status);
    if (e.kind == EtcdCallException.Kind.PERMISSION) {
      forgetToken();
    }
    return e;
  }

  private void forgetToken() {
    if (login != null) {
      login.forget();
    }
  }

  // ---- watch

  @Override
  public Watch watch(String from, String to, long revision, WatchListener listener) {
    Stream stream =
        new Stream(this.connection.channel.newCall(WatchGrpc.getWatchMethod(), options), listener);
    stream.open(
        WatchCreateRequest.newBuilder()
            .setKey(bytes(from))
            .setRangeEnd(bytes(to))
            .setStartRevision(revision)
            .setProgressNotify(true)
            .build());
    return stream;
  }

  /** A watch with a stream of its own. */
  private final class Stream extends ClientCall.Listener<WatchResponse> implements Watch {
    private final ClientCall<WatchRequest, WatchResponse> call;
    private final WatchListener listener;

    Stream(ClientCall<WatchRequest, WatchResponse> call, WatchListener listener) {
      this.call = call;
      this.listener = listener;
    }

    void open(WatchCreateRequest create) {
      Metadata headers = new Metadata();
      headers.put(HAS_LEADER, "true");
      call.start(this, headers);
      call.request(1);
      call.sendMessage(WatchRequest.newBuilder().setCreateRequest(create).build());
    }

    @Override
    public void ping() {
      call.sendMessage(
          WatchRequest.newBuilder()
              .setProgressRequest(WatchProgressRequest.getDefaultInstance())
              .build());
    }

    @Override
    public void next() {
      call.request(1);
    }

    @Override
    public void close() {
      call.cancel("closed", null);
    }

    @Override
    public void onMessage(WatchResponse r) {
      if (r.getCanceled()) {
        String reason = r.getCancelReason();
        if (reason.isEmpty()) {
          reason =
              r.getCompactRevision() == 0
                  ? "required revision is a future revision"
                  : "required revision has been compacted";
        }
        listener.broken(
            r.getCompactRevision() == 0
                ? watchFailure(Status.CANCELLED.withDescription(reason))
                : new EtcdCallException(EtcdCallException.Kind.COMPACTED, reason));
        return;
      }
      Events received;
      try {
        received = events(r);
      } catch (RuntimeException e) {
        listener.broken(failure(Status.INTERNAL.withCause(e)));
        return;
      }
      listener.events(received);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      listener.broken(
          watchFailure(
              status.isOk() ? Status.UNAVAILABLE.withDescription("the watch ended") : status));
    }
  }

  @SuppressWarnings("NullAway") // an event's entry without value is a deletion
  private static Events events(WatchResponse r) {
    List<Entry> events = new ArrayList<Entry>(r.getEventsCount());
    for (Event e : r.getEventsList()) {
      boolean put = e.getType() == Event.EventType.PUT;
      events.add(entry(e.getKv(), put ? e.getKv().getValue().toByteArray() : null));
    }
    return new Events(
        r.getCreated(), r.getHeader().getClusterId(), r.getHeader().getRevision(), events);
  }

  // ---- connection

  @Override
  public void reconnect() {
    connection.channel.resetConnectBackoff();
  }

  @Override
  public void reconnectAfresh() {
    connection.channel.enterIdle();
    connection.channel.getState(true);
  }

  @Override
  public boolean ready() {
    return connection.channel.getState(true) == ConnectivityState.READY;
  }

  @Override
  public void close() {
    connection.close();
  }

  @Override
  public void closeAtExit() {
    connection.closeAtExit();
  }

  private static ByteString bytes(String s) {
    return ByteString.copyFromUtf8(s);
  }
}
