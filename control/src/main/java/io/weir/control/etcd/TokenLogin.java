package io.weir.control.etcd;

import com.google.protobuf.ByteString;
import io.etcd.jetcd.api.AuthGrpc;
import io.etcd.jetcd.api.AuthenticateRequest;
import io.etcd.jetcd.api.AuthenticateResponse;
import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Adds etcd's token to every call, and logs in by user and password when there is no token. All
 * waiting calls share one log-in, because each costs etcd some 50 ms of CPU. A refused log-in fails
 * the waiting calls as UNAUTHENTICATED, with the log-in's failure as the cause. Thread-safe.
 */
final class TokenLogin extends CallCredentials {
  private static final Metadata.Key<String> TOKEN =
      Metadata.Key.of("token", Metadata.ASCII_STRING_MARSHALLER);

  private final AuthenticateRequest request;
  private @Nullable Channel channel;

  private final Object lock = new Object();
  private @Nullable Metadata token;
  private @Nullable List<MetadataApplier> waiting;

  TokenLogin(String user, String password) {
    request =
        AuthenticateRequest.newBuilder()
            .setNameBytes(ByteString.copyFromUtf8(user))
            .setPasswordBytes(ByteString.copyFromUtf8(password))
            .build();
  }

  /** Sets the channel for log-ins. To be called before the first call. */
  void useChannel(Channel channel) {
    this.channel = channel;
  }

  /** Drops the token, which etcd no longer accepts: the next call logs in. */
  void forget() {
    synchronized (lock) {
      token = null;
    }
  }

  @Override
  public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
    Metadata known;
    synchronized (lock) {
      known = token;
      if (known == null && waiting != null) {
        waiting.add(applier);
        return;
      }
      if (known == null) {
        waiting = new ArrayList<MetadataApplier>();
        waiting.add(applier);
      }
    }
    if (known != null) {
      applier.apply(known);
    } else {
      logIn();
    }
  }

  private void logIn() {
    UnaryCall.send(
        Objects.requireNonNull(channel),
        AuthGrpc.getAuthenticateMethod(),
        CallOptions.DEFAULT,
        request,
        new UnaryCall.Callback<AuthenticateResponse>() {
          @Override
          public void ok(AuthenticateResponse r) {
            Metadata fresh = new Metadata();
            fresh.put(TOKEN, r.getToken());
            for (MetadataApplier a : ended(fresh)) {
              a.apply(fresh);
            }
          }

          @Override
          public void failed(Status status) {
            Status refused = Status.UNAUTHENTICATED.withCause(status.asException());
            for (MetadataApplier a : ended(null)) {
              a.fail(refused);
            }
          }
        });
  }

  /**
   * The log-in has ended.
   *
   * @param fresh the new token; null: the log-in was refused
   * @return the calls that waited
   */
  private List<MetadataApplier> ended(@Nullable Metadata fresh) {
    synchronized (lock) {
      List<MetadataApplier> all = Objects.requireNonNull(waiting);
      waiting = null;
      token = fresh;
      return all;
    }
  }
}
