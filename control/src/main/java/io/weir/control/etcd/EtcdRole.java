package io.weir.control.etcd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/**
 * The smallest role of etcd with which an agent, or an operator, can work: its permissions as
 * {@code etcdctl} grants them. Immutable.
 *
 * <p>Every agent reads the whole range that is followed, because it is read and watched as one. It
 * writes only what it says of itself and of the services it calls.
 */
public final class EtcdRole {
  private final String name;
  private final String namespace;
  private final List<List<String>> grants = new ArrayList<List<String>>();

  private EtcdRole(String name, EtcdOptions options) {
    this.name = name;
    namespace = options.namespace;
  }

  /**
   * Of an instance of a service.
   *
   * @param options whose namespace counts
   * @param calls the services whose breakers it shares with the fleet; {@code *} for all
   */
  public static EtcdRole agent(
      String name, EtcdOptions options, String service, Collection<String> calls) {
    EtcdRole role = new EtcdRole(name, options);
    // etcdctl cannot say the byte 0 in which the range ends
    role.range("read", KeySpace.FIRST, KeySpace.OFF + "0");
    role.prefix("write", "/services/" + service + "/");
    role.prefix("readwrite", "/weir/status/" + service + "/");
    if (calls.contains("*")) {
      role.prefix("write", "/circuit-breaker/");
    } else {
      for (String called : calls) {
        role.prefix("write", "/circuit-breaker/" + called + "/");
      }
    }
    return role;
  }

  /**
   * Of a person, or a pipeline, that changes rules by the command line.
   *
   * @param services whose rules; empty for all, and the switch for everything
   */
  public static EtcdRole operator(String name, EtcdOptions options, Collection<String> services) {
    EtcdRole role = new EtcdRole(name, options);
    role.range("read", KeySpace.FIRST, "/weir0");
    if (services.isEmpty()) {
      role.prefix("write", "/service/");
      role.grants.add(Arrays.asList("write", role.namespace + KeySpace.OFF));
    }
    for (String service : services) {
      role.prefix("write", "/service/" + service + "/");
    }
    role.prefix("write", "/weir/look/");
    role.prefix("write", "/weir/rule-history/");
    return role;
  }

  private void prefix(String what, String prefix) {
    range(what, prefix, prefix.substring(0, prefix.length() - 1) + '0');
  }

  private void range(String what, String from, String to) {
    grants.add(Arrays.asList(what, namespace + from, namespace + to));
  }

  /** The arguments of {@code etcdctl}, one list for each call of it. */
  public List<List<String>> commands() {
    List<List<String>> commands = new ArrayList<List<String>>();
    commands.add(Arrays.asList("role", "add", name));
    for (List<String> grant : grants) {
      List<String> command = new ArrayList<String>(Arrays.asList("role", "grant-permission", name));
      command.addAll(grant);
      commands.add(Collections.unmodifiableList(command));
    }
    return commands;
  }
}
