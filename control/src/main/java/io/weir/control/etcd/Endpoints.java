package io.weir.control.etcd;

import io.grpc.Attributes;
import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.Status;
import io.grpc.StatusOr;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Resolves the configured endpoints for a channel: when it connects, and again when a connection
 * breaks, because addresses may change. Each endpoint is an address group with its own name for
 * TLS; the addresses of one name are tried in turn. An endpoint whose name cannot be resolved does
 * not prevent the use of the others.
 */
final class Endpoints extends NameResolverProvider {
  static final String SCHEME = "weir-etcd";

  private final List<URI> endpoints;

  Endpoints(List<URI> endpoints) {
    this.endpoints = endpoints;
  }

  @Override
  protected boolean isAvailable() {
    return true;
  }

  @Override
  protected int priority() {
    return 5;
  }

  @Override
  public String getDefaultScheme() {
    return SCHEME;
  }

  @Override
  public NameResolver newNameResolver(URI target, NameResolver.Args args) {
    return new Resolver(endpoints, args.getOffloadExecutor());
  }

  private static final class Resolver extends NameResolver {
    private final List<URI> endpoints;
    private final @Nullable Executor executor;
    private final AtomicBoolean resolving = new AtomicBoolean();
    private @Nullable Listener2 listener;

    Resolver(List<URI> endpoints, @Nullable Executor executor) {
      this.endpoints = endpoints;
      this.executor = executor;
    }

    @Override
    public String getServiceAuthority() {
      return endpoints.get(0).getAuthority();
    }

    @Override
    public void start(Listener2 l) {
      listener = l;
      refresh();
    }

    @Override
    public void refresh() {
      Listener2 current = listener;
      if (current == null || executor == null || !resolving.compareAndSet(false, true)) {
        return;
      }
      executor.execute( // a look-up may block
          () -> {
            try {
              resolve(current);
            } finally {
              resolving.set(false);
            }
          });
    }

    private void resolve(Listener2 current) {
      List<EquivalentAddressGroup> groups = new ArrayList<EquivalentAddressGroup>();
      String unknown = "";
      for (URI e : endpoints) {
        List<SocketAddress> addresses = new ArrayList<SocketAddress>();
        try {
          for (InetAddress a : InetAddress.getAllByName(e.getHost())) {
            addresses.add(new InetSocketAddress(a, e.getPort()));
          }
        } catch (UnknownHostException none) {
          unknown += (unknown.isEmpty() ? "" : ", ") + e.getHost();
          continue;
        }
        groups.add(
            new EquivalentAddressGroup(
                addresses,
                Attributes.newBuilder()
                    .set(EquivalentAddressGroup.ATTR_AUTHORITY_OVERRIDE, e.getAuthority())
                    .build()));
      }
      StatusOr<List<EquivalentAddressGroup>> found =
          groups.isEmpty()
              ? StatusOr.<List<EquivalentAddressGroup>>fromStatus(
                  Status.UNAVAILABLE.withDescription("no address is known of " + unknown))
              : StatusOr.fromValue(groups);
      current.onResult(ResolutionResult.newBuilder().setAddressesOrError(found).build());
    }

    @Override
    public void shutdown() {
      listener = null;
    }
  }
}
