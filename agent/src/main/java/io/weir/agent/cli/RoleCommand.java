package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.control.etcd.EtcdOptions;
import io.weir.control.etcd.EtcdRole;
import io.weir.control.parse.RuleKey;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Prints, and runs nothing: who may make roles in etcd is not who runs this. */
@picocli.CommandLine.Command
final class RoleCommand extends Command {
  @Option(
      names = "--service",
      paramLabel = "NAME",
      description = "whose agents the role is for; with --operator: whose rules (default: all)")
  @Nullable String service;

  @Option(
      names = "--calls",
      paramLabel = "NAMES",
      split = ",",
      description =
          "the services it calls, comma separated: it takes part in their circuit breakers;"
              + " '*' for any")
  List<String> calls = new ArrayList<String>();

  @Option(names = "--operator", description = "for who changes rules, not for an agent")
  boolean operator;

  @Option(
      names = "--name",
      paramLabel = "ROLE",
      description = "of the role (default: weir-SERVICE, weir-operator)")
  @Nullable String name;

  @Option(
      names = "--namespace",
      paramLabel = "PREFIX",
      description = "prefix of every key (default: weir.etcd.namespace)")
  @Nullable String namespace;

  @Override
  int run() {
    EtcdRole role;
    String called = name;
    if (called == null) {
      called = (operator ? "weir-operator" : "weir") + (service == null ? "" : "-" + service);
    }
    if (!isName(called)) {
      throw new CliException(CliFault.USAGE, "--name: '" + called + "' is no name for a role");
    }
    if (operator) {
      if (!calls.isEmpty()) {
        throw new CliException(
            CliFault.USAGE, "--calls is about an agent, --operator about a person");
      }
      Set<String> services =
          service == null ? Collections.<String>emptySet() : Collections.singleton(named(service));
      role = EtcdRole.operator(called, options(), services);
    } else if (service == null) {
      throw new CliException(
          CliFault.USAGE,
          "whose role? --service NAME is missing",
          "for example: weir role --service shop --calls payment,stock");
    } else {
      role = EtcdRole.agent(called, options(), named(service), callees());
    }
    List<Object> lines = new ArrayList<Object>();
    for (List<String> command : role.commands()) {
      StringBuilder line = new StringBuilder("etcdctl");
      for (String word : command) {
        line.append(' ').append(quoted(word));
      }
      lines.add(line.toString());
      if (!out.json) {
        out.line(line.toString());
      }
    }
    if (out.json) {
      out.json(Json.object("role", called, "commands", lines));
    }
    out.say("then: etcdctl user add USER; etcdctl user grant-role USER " + called);
    if (!operator && calls.isEmpty()) {
      out.say("without --calls it opens circuit breakers for itself only, never for the fleet");
    }
    return Exit.OK;
  }

  private EtcdOptions options() {
    Properties above = new Properties();
    if (namespace != null) {
      above.setProperty(PropertyKey.ETCD_NAMESPACE.propertyName(), namespace);
    }
    Config config = config(above);
    String prefix = config.get(PropertyKey.ETCD_NAMESPACE, "");
    for (int i = 0; i < prefix.length(); i++) {
      if (prefix.charAt(i) < ' ' || prefix.charAt(i) == 0x7f) {
        throw new CliException(
            CliFault.USAGE, PropertyKey.ETCD_NAMESPACE.propertyName() + " has control characters");
      }
    }
    // only the namespace counts here; nothing is connected to
    return EtcdOptions.builder().endpoints("http://127.0.0.1:2379").namespace(prefix).build();
  }

  private Collection<String> callees() {
    Set<String> all = new LinkedHashSet<String>();
    for (String c : calls) {
      if (!c.trim().isEmpty()) {
        all.add(c.trim().equals("*") ? "*" : named(c.trim()));
      }
    }
    return all;
  }

  private static String named(String service) {
    if (!isName(service)) {
      throw new CliException(CliFault.USAGE, "'" + service + "' is no service name");
    }
    return service;
  }

  private static boolean isName(String s) {
    return !s.equals("*")
        && RuleKey.parse(RuleKey.SERVICE + s + "/off").kind == RuleKey.Kind.SERVICE_OFF;
  }

  /** For a shell. */
  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9._/:@-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
