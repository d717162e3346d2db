package io.weir.agent.cli;

import io.opentelemetry.javaagent.extension.instrumentation.InstrumentationModule;
import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import io.weir.agent.run.Agent;
import io.weir.instrumentation.WovenTypes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

@picocli.CommandLine.Command
final class InstrumentationsCommand extends Command {
  @Override
  int run() throws Exception {
    List<String[]> rows = new ArrayList<String[]>();
    rows.add(new String[] {"NAME", "WOVEN CLASSES"});
    List<Object> objects = new ArrayList<Object>();
    for (Map.Entry<String, String> m : Agent.instrumentations().entrySet()) {
      List<String> types = types(m.getValue());
      objects.add(
          Json.object(
              "name",
              m.getKey(),
              "classes",
              types,
              "switch",
              "weir.instrumentation." + m.getKey() + ".enabled"));
      for (int i = 0; i < types.size(); i++) {
        rows.add(new String[] {i == 0 ? m.getKey() : "", types.get(i)});
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

  /** The classes a module weaves, if they are there. */
  static List<String> types(String module) throws ReflectiveOperationException {
    List<String> types = new ArrayList<String>();
    InstrumentationModule m =
        (InstrumentationModule) Class.forName(module).getConstructor().newInstance();
    for (TypeInstrumentation t : m.typeInstrumentations()) {
      if (t instanceof WovenTypes) {
        types.addAll(Arrays.asList(((WovenTypes) t).typeNames()));
      }
    }
    return types;
  }
}
