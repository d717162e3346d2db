package io.weir.agent.cli;

import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.store.Entry;
import io.weir.engine.instances.Instance;
import io.weir.engine.rules.RouteRule;
import io.weir.engine.rules.RouteRule.Arm;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@picocli.CommandLine.Command(
    footer = {
      "",
      "  weir canary set order-service v2 5      5 %% of the default calls go to v2",
      "  weir canary promote order-service v2    all of them",
      "  weir canary abort order-service v2      none of them"
    })
final class CanaryCommand extends Command {
  @Override
  int run() {
    throw new CliException(CliFault.USAGE, "set, promote or abort?", "see: weir canary --help");
  }

  @Override
  Command[] parts() {
    return new Command[] {new SetShare(), new Promote(), new Abort()};
  }

  /** What the three have in common: a service, a version, and a new list of default arms. */
  abstract static class Step extends ChangeCommand {
    @SuppressWarnings("NullAway.Init") // required
    @Parameters(index = "0", paramLabel = "SERVICE", description = "whose calls")
    String service;

    @SuppressWarnings("NullAway.Init") // required
    @Parameters(index = "1", paramLabel = "VERSION", description = "the canary")
    String version;

    @Option(
        names = "--stable",
        paramLabel = "VERSION",
        description = "what else runs, when there is no rule yet (default: asked of the registry)")
    @Nullable String stable;

    private @Nullable String absent;

    /** The canary's share of 100. */
    abstract int share();

    abstract String words();

    @Override
    int run() {
      if (share() < 0 || share() > 100) {
        throw new CliException(CliFault.USAGE, "the share is a whole number from 0 to 100");
      }
      try (RuleTree tree = open()) {
        StoreView view = tree.view();
        String key = RuleKey.SERVICE + service + "/route";
        if (share() > 0 && tree.hasStatus()) {
          absent = absent(KnownServices.of(view));
        }
        Entry there = view.get(key);
        String text =
            there == null
                ? Json.write(Json.object("default", arms(guessStable(view), share())))
                : edited(view, there);
        RuleChange p = new RuleChange(this, tree, view);
        p.put(key, text.getBytes(StandardCharsets.UTF_8));
        RouteRule after = rule(RuleKey.parse(key), text.getBytes(StandardCharsets.UTF_8), key);
        boolean lintAsks =
            after.enabled && !after.shadow && !KnownServices.of(view).instances(service).isEmpty();
        if (absent != null && !lintAsks) {
          p.danger(absent);
        }
        if (share() == 0 && there != null) {
          p.dangers(mostCalls(rule(RuleKey.parse(key), there.value, key)));
        }
        if (share() > 0 && (after.shadow || !after.enabled)) {
          out.say(
              out.ink(CliOutput.Ink.DOUBTFUL, "warning: ")
                  + "the rule is "
                  + (after.enabled
                      ? "in shadow mode: no call goes to "
                          + version
                          + " before weir enforce "
                          + service
                      : "disabled: no call goes to " + version)
                  + (after.enabled ? "/route" : ""));
        }
        return p.run(words(), message, wait);
      }
    }

    /** A sentence when no live instance runs the canary, else null. */
    private @Nullable String absent(KnownServices known) {
      List<Instance> live = known.instances(service);
      for (Instance i : live) {
        if (version.equals(i.version())) {
          return null;
        }
      }
      String unknown = known.unknown(service);
      return unknown != null
          ? unknown
          : "no live instance of "
              + service
              + " is "
              + version
              + (live.isEmpty()
                  ? "; none is registered"
                  : "; there " + KnownServices.versions(live));
    }

    /** What has most of the calls is hardly a canary that is given up. */
    private List<String> mostCalls(RouteRule before) {
      long all = 0;
      long its = 0;
      for (Arm a : before.defaults) {
        all += a.weight;
        its += version.equals(a.version) ? a.weight : 0;
      }
      return its * 2 <= all
          ? Collections.<String>emptyList()
          : Collections.singletonList(
              version + " has " + its * 100 / all + " % of the calls: is it the canary?");
    }

    private List<Arm> guessStable(StoreView view) {
      Set<String> others = liveVersions(view, service);
      others.remove(version);
      String one = stable != null ? stable : others.size() == 1 ? others.iterator().next() : null;
      if (one == null) {
        throw new CliException(
            CliFault.NO_RULE,
            (absent == null ? "" : absent + ". ")
                + "No routing rule of "
                + service
                + " says what else runs, and the registry names "
                + (others.isEmpty() ? "no other version" : "several: " + others),
            "say what else runs: --stable VERSION");
      }
      return Collections.singletonList(new Arm(one, Collections.<String, String>emptyMap(), 100));
    }

    private String edited(StoreView view, Entry there) {
      RuleKey key = RuleKey.parse(there.key);
      RouteRule before = rule(key, there.value, there.toString());
      // an arm that means any instance means the canary's, too: it cannot share with it
      boolean any =
          before.defaults.size() == 1
              && before.defaults.get(0).version == null
              && before.defaults.get(0).labels.isEmpty();
      List<Arm> now = before.defaults.isEmpty() || any ? guessStable(view) : before.defaults;
      List<Object> wanted = arms(now, share());
      RuleText t = RuleText.of(there.text());
      String path = t.rules().isEmpty() ? "" : t.rules().get(0);
      String field =
          t.has(path.isEmpty() ? "defaults" : path + ".defaults") ? "defaults" : "default";
      String text = t.rules().size() == 1 ? t.with(path, field, Json.line(wanted)) : null;
      if (text == null || !says(key, text, wanted, before)) {
        throw new CliException(
            CliFault.NOT_EDITABLE,
            there.key + ": its text cannot be edited without losing something",
            "write " + field + ": " + Json.line(wanted) + " into the file and push it");
      }
      return text;
    }

    private static RouteRule rule(RuleKey key, byte[] text, String origin) {
      RuleParser.Parsed parsed = RuleParser.parse(key, text, origin);
      if (parsed.refusal() != null) {
        throw new CliException(
            CliFault.INVALID, parsed.refusal().toString(), "mend it first: weir push");
      }
      return (RouteRule) parsed.rules.get(0);
    }

    /** Whether the edited text means what was asked, and nothing else has changed. */
    private static boolean says(RuleKey key, String text, List<Object> wanted, RouteRule before) {
      try {
        RouteRule after = rule(key, text.getBytes(StandardCharsets.UTF_8), key.key);
        return arms(after.defaults).equals(wanted)
            && after.routes.size() == before.routes.size()
            && after.enabled == before.enabled
            && after.shadow == before.shadow;
      } catch (CliException refused) {
        return false;
      }
    }

    /** The arms with the canary's share of the whole; what the others share keeps its ratios. */
    private List<Object> arms(List<Arm> now, int share) {
      long others = 0;
      Arm canary = null;
      for (Arm a : now) {
        if (version.equals(a.version)) {
          canary = a;
        } else {
          others += a.weight;
        }
      }
      if (others == 0 && share < 100) {
        throw new CliException(
            CliFault.NO_RULE,
            version + " is the only version calls go to; nothing would get the rest",
            "push a rule that names another version first");
      }
      List<Arm> arms = new ArrayList<Arm>();
      long gcd = (long) share * others;
      for (Arm a : now) {
        gcd = version.equals(a.version) ? gcd : gcd(gcd, (long) a.weight * (100 - share));
      }
      // weights that sum to 100 where that is possible, since that is how people read them
      long sum = others * 100 / Math.max(1, gcd);
      long scale = sum > 0 && 100 % sum == 0 ? 100 / sum : 1;
      gcd = Math.max(1, gcd);
      for (Arm a : now) {
        if (!version.equals(a.version) && share < 100) {
          arms.add(
              new Arm(a.version, a.labels, (int) ((long) a.weight * (100 - share) / gcd * scale)));
        }
      }
      if (share > 0) {
        arms.add(
            new Arm(
                version,
                canary == null ? Collections.<String, String>emptyMap() : canary.labels,
                share == 100 ? 100 : (int) (share * others / gcd * scale)));
      }
      return arms(arms);
    }

    private static List<Object> arms(List<Arm> arms) {
      List<Object> out = new ArrayList<Object>();
      for (Arm a : arms) {
        Map<String, Object> o = new LinkedHashMap<String, Object>();
        if (a.version != null) {
          o.put("version", a.version);
        }
        if (!a.labels.isEmpty()) {
          o.put("labels", new LinkedHashMap<String, Object>(a.labels));
        }
        o.put("weight", a.weight);
        out.add(o);
      }
      return out;
    }

    private static long gcd(long a, long b) {
      return b == 0 ? a : gcd(b, a % b);
    }
  }

  static Set<String> liveVersions(StoreView view, String service) {
    Set<String> versions = new TreeSet<String>();
    for (RuleKey k : LiveInstances.registered(view)) {
      if (k.service.equals(service)) {
        Entry there = Objects.requireNonNull(view.get(k.key));
        Instance i =
            RuleParser.instance(k, there.value, new ArrayList<io.weir.control.parse.RuleProblem>());
        if (i != null && i.version() != null) {
          versions.add(i.version());
        }
      }
    }
    return versions;
  }

  @picocli.CommandLine.Command(
      name = "set",
      description = "Gives a version a share of the default calls.")
  static final class SetShare extends Step {
    @Parameters(index = "2", paramLabel = "PERCENT", description = "0 to 100")
    int percent;

    @Override
    int share() {
      return percent;
    }

    @Override
    String words() {
      return "canary set " + service + " " + version + " " + percent;
    }
  }

  @picocli.CommandLine.Command(
      name = "promote",
      description = "Sends all default calls to the version.")
  static final class Promote extends Step {
    @Override
    int share() {
      return 100;
    }

    @Override
    String words() {
      return "canary promote " + service + " " + version;
    }
  }

  @picocli.CommandLine.Command(
      name = "abort",
      description = "Takes the version out of the default calls.")
  static final class Abort extends Step {
    @Override
    int share() {
      return 0;
    }

    @Override
    String words() {
      return "canary abort " + service + " " + version;
    }
  }
}
