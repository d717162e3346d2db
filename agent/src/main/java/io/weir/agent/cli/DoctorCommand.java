package io.weir.agent.cli;

import io.weir.agent.config.Config;
import io.weir.agent.config.PropertyKey;
import io.weir.agent.coverage.Libraries;
import io.weir.agent.modules.Modules;
import io.weir.agent.run.Agent;
import io.weir.agent.weave.Extensions;
import io.weir.control.parse.RuleProblem;
import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import java.io.File;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Parameters;

/** Looks at one thing after the other, and says what it saw. */
@picocli.CommandLine.Command
final class DoctorCommand extends StoreCommand {
  private enum Grade {
    OK,
    NOTE,
    BAD
  }

  @Parameters(paramLabel = "PID", arity = "0..1", description = "also look into this running JVM")
  @Nullable String pid;

  private final List<Object> checks = new ArrayList<Object>();
  private boolean bad;

  @Override
  int run() throws IOException {
    java();
    Config config = config();
    for (String w : config.warnings()) {
      check("configuration", Grade.BAD, w);
    }
    if (config.warnings().isEmpty()) {
      check("configuration", Grade.OK, config.redacted().size() + " values, no complaint");
    }
    Extensions extensions = extensions(config);
    try {
      rulesAt(config);
      store();
    } catch (CliException t) {
      check("rules", Grade.BAD, t.fault + " " + t.getMessage());
    }
    if (pid != null) {
      target(pid, extensions);
    }
    if (out.json) {
      out.json(Json.object("healthy", !bad, "checks", checks));
    }
    out.next(pid == null ? "weir doctor PID" : "weir status");
    return bad ? Exit.FINDINGS : Exit.OK;
  }

  /** Those of the directory that this command is configured with; null: none. */
  private @Nullable Extensions extensions(Config config) {
    String directory = config.get(PropertyKey.EXTENSIONS_DIR);
    if (directory == null) {
      return null;
    }
    List<WeirModule> ours = InstrumentationsCommand.modules().all();
    Extensions extensions = Extensions.read(new File(directory), ours, ours);
    for (Map.Entry<String, List<String>> e : extensions.taken().entrySet()) {
      check(
          "extension " + e.getKey(),
          Grade.OK,
          "instrumentation " + String.join(", ", e.getValue()));
    }
    for (Map.Entry<String, String> e : extensions.leftOut().entrySet()) {
      check("extension " + e.getKey(), Grade.BAD, "is left out: " + e.getValue());
    }
    return extensions;
  }

  private void rulesAt(Config config) {
    Path directory = directory(config);
    if (directory != null) {
      boolean there = Files.isDirectory(directory);
      check("rules", there ? Grade.OK : Grade.BAD, directory + (there ? "" : " is no directory"));
    } else {
      endpoints(config);
    }
  }

  private void java() {
    check(
        "java",
        Grade.OK,
        System.getProperty("java.version")
            + " at "
            + System.getProperty("java.home")
            + ", weir "
            + Agent.version());
    boolean attach = Jvms.canAttach();
    check(
        "attach",
        attach ? Grade.OK : Grade.NOTE,
        attach ? "this Java can attach to others" : "this Java has no attach API: no weir attach");
  }

  private void endpoints(Config config) {
    for (URI e : etcdOptions(config).endpoints) {
      if (!"http".equals(e.getScheme())) {
        check("etcd " + e, Grade.NOTE, "TLS: looked at through the client below");
        continue;
      }
      try {
        long began = System.nanoTime();
        HttpURLConnection c = (HttpURLConnection) e.resolve("/version").toURL().openConnection();
        c.setConnectTimeout(2000);
        c.setReadTimeout(2000);
        byte[] b = new byte[512];
        int n;
        try (java.io.InputStream in = c.getInputStream()) {
          n = in.read(b);
        }
        long took = System.nanoTime() - began;
        long theirs = c.getDate();
        Map<String, Object> version =
            Json.readObject(
                n < 0 ? "" : new String(b, 0, n, java.nio.charset.StandardCharsets.UTF_8));
        check(
            "etcd " + e,
            Grade.OK,
            "version "
                + Json.text(version, "etcdserver")
                + ", first answer after "
                + StoreCommand.duration(took));
        long off = Math.abs(System.currentTimeMillis() - theirs);
        if (theirs > 0) {
          check(
              "clock",
              off < 5000 ? Grade.OK : Grade.NOTE,
              off < 5000
                  ? "agrees with etcd's to the second"
                  : off / 1000 + " s apart from etcd's; leases do not mind, readers of times do");
        }
      } catch (IOException | RuntimeException x) {
        check("etcd " + e, Grade.BAD, "does not answer: " + x.getMessage());
      }
    }
  }

  private void store() {
    long began = System.nanoTime();
    try (RuleTree tree = open()) {
      long took = System.nanoTime() - began;
      StoreView view = tree.view();
      check("store", Grade.OK, tree.name + " read after " + StoreCommand.duration(took));
      if (tree.hasStatus()) {
        long[] nanos = new long[5];
        for (int i = 0; i < nanos.length; i++) {
          long at = System.nanoTime();
          // compares, and writes nothing whatever comes of it
          tree.commit(new io.weir.control.store.Txn().ifAbsent("/weir/rule-history/doctor"));
          nanos[i] = System.nanoTime() - at;
        }
        Arrays.sort(nanos);
        check(
            "latency",
            nanos[2] < 50_000_000 ? Grade.OK : Grade.NOTE,
            "a transaction takes " + StoreCommand.duration(nanos[2]) + ", median of five");
      }
      rules(view);
      fleet(tree, view);
    } catch (CliException t) {
      check("store", Grade.BAD, t.fault + " " + t.getMessage());
    }
  }

  private void rules(StoreView view) {
    Documents documents = Documents.in(view);
    int refused = 0;
    for (Map.Entry<Documents.Document, RuleProblem> p : documents.problems()) {
      refused += p.getValue().refusal ? 1 : 0;
      check("rule", p.getValue().refusal ? Grade.BAD : Grade.NOTE, p.getValue().toString());
    }
    check(
        "rules",
        refused == 0 ? Grade.OK : Grade.BAD,
        documents.byKey.size() + " in force, " + refused + " refusals");
    if (view.get(io.weir.control.parse.RuleKey.OFF) != null) {
      check("rules", Grade.BAD, "the kill switch /weir/off is set: nothing is governed");
    }
  }

  private void fleet(RuleTree tree, StoreView view) {
    if (!tree.hasStatus()) {
      return;
    }
    List<LiveInstances.Member> members = LiveInstances.members(view);
    long newest = LiveInstances.newestRule(view);
    int well = 0;
    for (LiveInstances.Member m : members) {
      String state = m.state(newest);
      well += state.equals("SYNCED") ? 1 : 0;
      if (!state.equals("SYNCED")) {
        Map<String, Object> refusal = m.refusal(Collections.<String>emptyList());
        check(
            "instance " + m.name(),
            Grade.BAD,
            state + (refusal == null ? "" : ": " + Json.text(refusal, "reason")));
      }
    }
    check(
        "fleet",
        members.isEmpty() ? Grade.NOTE : well < members.size() ? Grade.BAD : Grade.OK,
        members.isEmpty()
            ? "no live instance reports its status"
            : well + " of " + members.size() + " live instances run the newest rules");
    coverage(view, members);
    leftOut(members);
  }

  private void leftOut(List<LiveInstances.Member> members) {
    Map<String, Integer> instances = new LinkedHashMap<String, Integer>();
    for (LiveInstances.Member m : members) {
      for (Map<String, Object> e : m.leftOut) {
        instances.merge(
            m.service + "\n" + Json.text(e, "extension") + "\n" + Json.text(e, "why"),
            1,
            Integer::sum);
      }
    }
    for (Map.Entry<String, Integer> e : instances.entrySet()) {
      String[] parts = e.getKey().split("\n", 3);
      check(
          "extension " + parts[1],
          Grade.BAD,
          "is left out in "
              + CliOutput.count(e.getValue(), "instance")
              + " of "
              + parts[0]
              + ": "
              + parts[2]);
    }
  }

  private void coverage(StoreView view, List<LiveInstances.Member> members) {
    for (Ungoverned.Row r : Ungoverned.rows(members, null)) {
      check(
          "coverage " + r.service,
          Grade.NOTE,
          r.library
              + " ("
              + r.side.word()
              + ") is loaded in "
              + CliOutput.count(r.instances, "instance")
              + " and not governed: "
              + r.why);
    }
    Set<String> ruled = new java.util.TreeSet<String>();
    for (Documents.Document d : Documents.in(view).byKey.values()) {
      if (d.key.kind.isRule() && !d.key.service.equals("*")) {
        ruled.add(d.key.service);
      }
    }
    for (String service : ruled) {
      for (String doubt : Ungoverned.powerless(members, service)) {
        check("rules of " + service, Grade.NOTE, doubt);
      }
    }
  }

  private void target(String pid, @Nullable Extensions extensions) {
    try {
      String commandLine = Jvms.ask(pid, "VM.command_line");
      String version = Jvms.ask(pid, "VM.version");
      check(
          "jvm " + pid,
          Grade.OK,
          version.replaceFirst("^\\d+:", "").trim().replaceAll("\\s*\n\\s*", " "));
      File directory = new File("/proc/" + pid + "/cwd"); // Linux; else a relative path stays one
      JavaAgents agents = new JavaAgents(commandLine, directory.isDirectory() ? directory : null);
      if (!agents.others.isEmpty()) {
        check("agents", Grade.NOTE, "other agents are there: " + agents.others);
      }
      Set<String> loaded = classes(pid);
      governed(pid, agents, loaded);
      if (loaded == null) {
        check(
            "instrumentations",
            Grade.NOTE,
            "a JVM of Java 8 does not list the classes it has loaded, so what Weir covers in it is"
                + " not known from outside");
        return;
      }
      Modules modules = InstrumentationsCommand.modules();
      List<WeirModule> all = new ArrayList<WeirModule>(modules.all());
      if (extensions != null) {
        all.addAll(extensions.modules());
      }
      for (WeirModule m : all) {
        List<String> found = new ArrayList<String>(InstrumentationsCommand.types(m));
        found.retainAll(loaded);
        check(
            m.name(),
            found.isEmpty() ? Grade.NOTE : Grade.OK,
            found.isEmpty() ? "none of its classes is loaded" : "covers " + found);
      }
      for (Library l : new Libraries(modules.covered()).all()) {
        if (l.module == null && l.below.isEmpty() && !Collections.disjoint(l.classes, loaded)) {
          check(
              "coverage", Grade.NOTE, l + " is loaded and not governed: its calls pass every rule");
        }
      }
    } catch (CliException t) {
      check("jvm " + pid, Grade.BAD, t.fault + " " + t.getMessage());
    }
  }

  private void governed(String pid, JavaAgents agents, @Nullable Set<String> loaded) {
    String notice = Jvms.canAttach() ? Jvms.notice(pid) : "";
    if (notice.startsWith("failed")) {
      check("governed", Grade.BAD, Jvms.say(notice));
    } else if (notice.startsWith("idle") || notice.startsWith("tool")) {
      check("governed", Grade.NOTE, Jvms.say(notice));
    } else {
      boolean weir =
          loaded != null
              ? loaded.contains("io.weir.bootstrap.Bridge")
              : !notice.isEmpty() || agents.weir;
      check(
          "governed",
          weir ? Grade.OK : Grade.NOTE,
          weir ? "Weir is in this JVM" : "Weir is not in this JVM: weir attach " + pid);
    }
  }

  /**
   * Names of the classes that JVM has loaded, without those of the agent's own libraries; null
   * where it cannot tell, on Java 8.
   */
  private static @Nullable Set<String> classes(String pid) {
    String[] lines;
    try {
      lines = Jvms.ask(pid, "VM.class_hierarchy", "-i").split("\n");
    } catch (CliException t) {
      if (String.valueOf(t.getMessage()).contains("Unknown diagnostic command")) {
        return null;
      }
      throw t;
    }
    String ours = "/0x0";
    for (String line : lines) {
      int at = line.indexOf("--" + Agent.class.getName() + "/");
      if (at >= 0) {
        ours = line.substring(line.lastIndexOf('/')).trim();
      }
    }
    Set<String> names = new HashSet<String>();
    for (String line : lines) {
      // |  |--java.util.HashMap/0x1234
      int dash = line.lastIndexOf("--");
      String name = dash < 0 ? line.trim() : line.substring(dash + 2).trim();
      int slash = name.indexOf('/');
      if (!name.endsWith(ours)) {
        names.add(slash < 0 ? name : name.substring(0, slash));
      }
    }
    return names;
  }

  private void check(String what, Grade grade, String says) {
    bad |= grade == Grade.BAD;
    checks.add(
        Json.object(
            "check", what, "grade", grade.name().toLowerCase(java.util.Locale.ROOT), "says", says));
    if (!out.json) {
      String mark =
          grade == Grade.OK
              ? out.ink(CliOutput.Ink.GOOD, "ok  ")
              : grade == Grade.NOTE
                  ? out.ink(CliOutput.Ink.DOUBTFUL, "note")
                  : out.ink(CliOutput.Ink.BAD, "bad ");
      out.line(mark + "  " + what + ": " + says);
    }
  }
}
