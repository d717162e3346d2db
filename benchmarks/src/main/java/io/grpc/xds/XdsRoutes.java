package io.grpc.xds;

import com.google.common.collect.ImmutableMap;
import io.grpc.LoadBalancer.PickResult;
import io.grpc.LoadBalancer.PickSubchannelArgs;
import io.grpc.LoadBalancer.Subchannel;
import io.grpc.LoadBalancer.SubchannelPicker;
import io.grpc.Metadata;
import io.grpc.xds.VirtualHost.Route;
import io.grpc.xds.VirtualHost.Route.RouteAction;
import io.grpc.xds.VirtualHost.Route.RouteAction.ClusterWeight;
import io.grpc.xds.VirtualHost.Route.RouteMatch;
import io.grpc.xds.WeightedRandomPicker.WeightedChildPicker;
import io.grpc.xds.internal.Matchers.HeaderMatcher;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What gRPC's xDS client does to a call, without the control plane it takes: rows matched one after
 * the other, a cluster drawn by weight, a locality drawn by weight, an endpoint in turn. In gRPC's
 * package, because none of its parts is public. The real one does more around it: it counts
 * references to clusters, runs filters, keeps load reports and copies the call's options.
 */
public final class XdsRoutes {
  private final List<Route> routes = new ArrayList<>();
  private final Map<String, SubchannelPicker> clusters = new HashMap<>();
  private final ThreadSafeRandom random = ThreadSafeRandom.ThreadSafeRandomImpl.instance;

  /** Round robin among subchannels, as in gRPC. */
  private static final class Turns extends SubchannelPicker {
    private final List<PickResult> results = new ArrayList<>();
    private final AtomicInteger next = new AtomicInteger();

    @Override
    public PickResult pickSubchannel(PickSubchannelArgs args) {
      int i = next.getAndIncrement() & Integer.MAX_VALUE;
      return results.get(i % results.size());
    }
  }

  /**
   * Rows {@code x-env: env-0}, {@code env-1} and so on, each of which splits 95 to 5.
   *
   * @param rows so many
   * @param v1 subchannels of the 95 %, a list for each locality; {@code v2} those of the 5 %
   */
  public XdsRoutes(int rows, List<List<Subchannel>> v1, List<List<Subchannel>> v2) {
    clusters.put("v1", localities(v1));
    clusters.put("v2", localities(v2));
    List<ClusterWeight> weights =
        List.of(
            ClusterWeight.create("v1", 95, ImmutableMap.of()),
            ClusterWeight.create("v2", 5, ImmutableMap.of()));
    for (int i = 0; i < rows; i++) {
      RouteMatch match =
          RouteMatch.create(
              RouteMatch.PathMatcher.fromPrefix("/", true),
              List.of(HeaderMatcher.forExactValue("x-env", "env-" + i, false)),
              null);
      routes.add(
          Route.forAction(
              match,
              RouteAction.forWeightedClusters(weights, List.of(), null, null, false),
              ImmutableMap.of()));
    }
  }

  private static SubchannelPicker localities(List<List<Subchannel>> all) {
    List<WeightedChildPicker> children = new ArrayList<>();
    for (List<Subchannel> some : all) {
      Turns turns = new Turns();
      for (Subchannel s : some) {
        turns.results.add(PickResult.withSubchannel(s));
      }
      children.add(new WeightedChildPicker(some.size(), turns));
    }
    return new WeightedRandomPicker(children);
  }

  /** Where a call of this path with these headers goes. */
  public Subchannel pick(String path, Metadata headers) {
    for (Route route : routes) {
      if (RoutingUtils.matchRoute(route.routeMatch(), path, headers, random)) {
        return clusters.get(cluster(route.routeAction())).pickSubchannel(null).getSubchannel();
      }
    }
    return null;
  }

  private String cluster(RouteAction action) {
    long total = 0;
    for (ClusterWeight w : action.weightedClusters()) {
      total += w.weight();
    }
    long select = random.nextLong(total);
    long sum = 0;
    for (ClusterWeight w : action.weightedClusters()) {
      sum += w.weight();
      if (select < sum) {
        return w.name();
      }
    }
    throw new AssertionError(select);
  }
}
