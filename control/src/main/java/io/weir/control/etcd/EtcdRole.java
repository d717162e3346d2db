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
 * <p>Every agent reads the whole range of {@link KeySpace}, because it is read and watched as one.
 * An agent writes only its own registration and status, and the breakers of the services it calls.
 *
 * <p>The end of a range is exclusive. A prefix {@code /a/} is the range from {@code /a/} to {@code
 * /a0}, because {@code 0} is the character after {@code /}.
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
   * The role of a service's instances.
   *
   * @param name the role's name in etcd
   * @param options only their namespace is used
   * @param calls the services that this service calls, whose breakers it shares with the fleet;
   *     {@code *} for all
   */
  public static EtcdRole agent(
      String name, EtcdOptions options, String service, Collection<String> calls) {
    EtcdRole role = new EtcdRole(name, options);
    // the followed range ends with the byte 0, which no argument of etcdctl can contain
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
   * The role of a person or a pipeline that changes rules by the command line.
   *
   * @param name the role's name in etcd
   * @param options only their namespace is used
   * @param services the services whose rules it may change; empty: all, and the key {@code
   *     /weir/off} too
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

  /**
   * @param access {@code read}, {@code write} or {@code readwrite}
   * @param prefix ends with {@code /}
   */
  private void prefix(String access, String prefix) {
    range(access, prefix, prefix.substring(0, prefix.length() - 1) + '0');
  }

  private void range(String access, String from, String to) {
    grants.add(Arrays.asList(access, namespace + from, namespace + to));
  }

  /** The {@code etcdctl} commands that create the role, in order: the arguments of each. */
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
