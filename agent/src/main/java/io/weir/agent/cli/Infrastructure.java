package io.weir.agent.cli;

import io.weir.engine.call.InfrastructureClients;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether a described call goes to telemetry, a registry or a configuration server, so that no rule
 * under {@code *} is about it: instances tell the addresses by their status keys. Immutable.
 */
final class Infrastructure {
  final InfrastructureClients clients;

  /** The address the call goes to, if that is one of infrastructure; else null. */
  final @Nullable String address;

  private Infrastructure(InfrastructureClients clients, @Nullable String address) {
    this.clients = clients;
    this.address = address;
  }

  /**
   * @param caller who calls, or null: any
   * @param service what is called, taken for the host where the call names none
   */
  static Infrastructure of(
      List<LiveInstances.Member> members,
      @Nullable String caller,
      String service,
      DescribedCall call) {
    List<String> told = new ArrayList<String>();
    for (LiveInstances.Member m : members) {
      if (caller == null || m.service.equals(caller)) {
        for (String address : m.infrastructure) {
          if (isAddress(address)) {
            told.add(address);
          }
        }
      }
    }
    InfrastructureClients clients = new InfrastructureClients(told);
    String host = call.host == null ? service : call.host;
    if (call.port > 0) {
      return new Infrastructure(
          clients, clients.isAt(host, call.port) ? host + ":" + call.port : null);
    }
    for (String address : told) {
      if (address.startsWith(host + ":")) {
        return new Infrastructure(clients, address);
      }
    }
    return new Infrastructure(clients, null);
  }

  /** What stands in etcd may be anybody's. */
  private static boolean isAddress(String text) {
    try {
      new InfrastructureClients(Collections.singletonList(text));
      return true;
    } catch (IllegalArgumentException none) {
      return false;
    }
  }

  /** Why rules under {@code *} are not about the call; null: they are. */
  @Nullable String why(DescribedCall call) {
    if (address != null) {
      return address + " is infrastructure, and no rule under * is about it";
    }
    return InfrastructureClients.isTheirMethod(call.outbound(), call)
        ? "a method of telemetry, and no rule under * is about it"
        : null;
  }
}
