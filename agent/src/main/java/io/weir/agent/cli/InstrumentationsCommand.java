package io.weir.agent.cli;

import io.weir.agent.config.PropertyKey;
import io.weir.agent.modules.Modules;
import io.weir.agent.weave.Extensions;
import io.weir.instrumentation.Library;
import io.weir.instrumentation.WeirModule;
import io.weir.instrumentation.WovenTypes;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;

@picocli.CommandLine.Command
final class InstrumentationsCommand extends Command {
  @Override
  int run() throws Exception {
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"NAME", "GOVERNS", "WOVEN CLASSES"});
    List<Object> objects = new ArrayList<Object>();
    for (WeirModule m : withExtensions()) {
      List<String> types = types(m);
      List<Object> libraries = new ArrayList<Object>();
      List<String> governs = new ArrayList<String>();
      for (Library l : m.covers()) {
        governs.add(l.name + " " + l.versions);
        libraries.add(
            Json.object("library", l.name, "side", l.side.word(), "versions", l.versions));
      }
      objects.add(
          Json.object(
              "name",
              m.name(),
              "governs",
              libraries,
              "classes",
              types,
              "switch",
              "weir.instrumentation." + m.name() + ".enabled"));
      for (int i = 0; i < Math.max(types.size(), governs.size()); i++) {
        rows.add(
            new String[] {
              i == 0 ? m.name() : "",
              i < governs.size() ? governs.get(i) : "",
              i < types.size() ? types.get(i) : ""
            });
      }
    }
    if (out.json) {
      out.json(objects);
    } else {
      out.table(rows);
      out.say("weir.instrumentation.NAME.enabled=false leaves a library alone");
    }
    out.next("weir doctor PID   # which of these a running JVM has loaded");
    return Exit.OK;
  }

  /** Those of this jar, and of the directory that this command is configured with. */
  private List<WeirModule> withExtensions() {
    List<WeirModule> all = new ArrayList<WeirModule>(modules().all());
    String directory = config(new Properties()).get(PropertyKey.EXTENSIONS_DIR);
    if (directory != null) {
      Extensions extensions = Extensions.read(new File(directory), modules().all(), all);
      for (Map.Entry<String, String> e : extensions.leftOut().entrySet()) {
        out.say(
            out.ink(CliOutput.Ink.BAD, "left out: ")
                + "extension "
                + e.getKey()
                + ": "
                + e.getValue());
      }
      all.addAll(extensions.modules());
    }
    return all;
  }

  /** Those of this jar; ours can all be made. */
  static Modules modules() {
    return Modules.read(
        InstrumentationsCommand.class.getClassLoader(),
        bad -> {
          throw new IllegalStateException(bad);
        });
  }

  /** The classes a module weaves, if they are there. */
  static List<String> types(WeirModule module) {
    List<String> types = new ArrayList<String>();
    for (WovenTypes t : module.wovenTypes()) {
      types.addAll(Arrays.asList(t.typeNames()));
    }
    return types;
  }
}
