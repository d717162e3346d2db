package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.testing.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The command line starts soon because a second thread loads the etcd client's classes from a list
 * in the jar. That list is as good as what it was written from: here it is compared with what a
 * command loads. It also says which classes lie uncompressed in the jar, which serves the agent's
 * own start as well. {@code -Dweir.cli.classes=write} writes it anew, after a change of libraries.
 *
 * <p>How long a start takes: {@code benchmarks/clistart}.
 */
class CliStartTest {
  private static final Path LIST = Path.of("../agent/src/main/resources/weir-cli-classes");
  private static final Pattern DEFINED =
      Pattern.compile("\\[class,load\\] (\\S+) source: __JVM_DefineClass__");

  @Test
  void theListOfClassesIsWhatCommandsLoad() throws Exception {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.txn(
          "",
          "/service/shop/rate-limit",
          "qps: 5\n",
          "/weir/status/shop/a",
          "{\"revision\":2,\"state\":\"SYNCED\",\"rules\":[]}");
      Set<String> loaded = loaded(etcd, "status");
      if ("write".equals(System.getProperty("weir.cli.classes"))) {
        List<String> all = new ArrayList<>(loaded);
        int client = all.indexOf("io.weir.control.etcd.StubEtcdClient");
        assertThat(client).as("the first of the etcd client").isPositive();
        loaded = new LinkedHashSet<>(all.subList(client, all.size()));
        Set<String> first = new HashSet<>(all.subList(0, client));
        for (String name : loaded(etcd, "explain", "shop", "/x")) {
          if (!first.contains(name)) {
            loaded.add(name);
          }
        }
        Files.write(LIST, loaded);
      }
      Set<String> listed = new LinkedHashSet<>(Files.readAllLines(LIST));
      loaded.removeIf(name -> name.startsWith("io.weir.") || name.startsWith("picocli."));
      assertThat(loaded).hasSizeGreaterThan(700);
      assertThat(share(loaded, listed))
          .as("listed of what status loads; write it anew: -Dweir.cli.classes=write")
          .isGreaterThan(0.9);
      Map<String, Boolean> inside = Work.classesInside();
      assertThat(share(listed, inside.keySet())).as("of the list, in the jar").isGreaterThan(0.98);
      assertThat(listed.stream().filter(inside::containsKey))
          .as("uncompressed")
          .allMatch(inside::get);
    }
  }

  private static double share(Collection<String> of, Set<String> in) {
    return of.stream().filter(in::contains).count() / (double) of.size();
  }

  /** Names of classes that a command defines, in order; what the JVM makes up is left out. */
  private static Set<String> loaded(EtcdServer etcd, String... command)
      throws IOException, InterruptedException {
    Path log = Work.fresh("cli-start").resolve("classes");
    List<String> line =
        new ArrayList<>(
            List.of(
                Jdk.find(17).orElseThrow().java().toString(),
                "-Xlog:class+load:file=" + log + ":tags",
                "-Dweir.headstart=false",
                "-jar",
                Work.weirJar().toString()));
    line.addAll(List.of(command));
    line.addAll(List.of("--etcd", etcd.endpoint()));
    ProcessBuilder b = new ProcessBuilder(line).redirectErrorStream(true);
    b.environment().remove("JAVA_TOOL_OPTIONS");
    b.environment().keySet().removeIf(name -> name.startsWith("WEIR_"));
    Process p = b.start();
    String said = new String(p.getInputStream().readAllBytes());
    assertThat(p.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(p.exitValue()).as(said).isZero();
    Set<String> names = new LinkedHashSet<>();
    for (String l : Files.readAllLines(log)) {
      Matcher m = DEFINED.matcher(l);
      if (m.find() && !m.group(1).matches(".*/0x.*|.*Proxy\\d.*|(java|jdk|sun)\\..*")) {
        names.add(m.group(1));
      }
    }
    return names;
  }
}
