package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code attach} and {@code doctor PID} tell what is so in the other JVM, where that is of another
 * Java version, too: then the attach API itself mistakes the answer.
 */
class AttachTest {
  private final Path rules = Work.fresh("no-rules");

  @ParameterizedTest(name = "from JDK {0} to JDK {1}")
  @CsvSource({"17, 8", "25, 8", "8, 17"})
  void attachAndDoctorTellTheTruthAcrossJavaVersions(int from, int to) {
    Jdk ours = Jdk.want(from).orElse(null);
    Jdk theirs = Jdk.want(to).orElse(null);
    if (ours == null || theirs == null) {
      return; // said already, and red in CI
    }
    String idle = Apps.compile(8, List.of("idle"), "", Map.of());
    try (Jvm plain = Jvm.of(theirs, idle, "Idle").start();
        Jvm governed = Jvm.of(theirs, idle, "Idle").weir(options()).start()) {
      Cli weir = cli(ours);
      String pid = Long.toString(plain.pid());
      assertThat(weir.run("doctor", pid).exits(0).out())
          .contains("governed: Weir is not in this JVM");
      assertThat(weir.run("attach", pid, "--options", options()).exits(0).out())
          .contains("attached to " + pid);
      plain.awaitStderr("attached to a running JVM");
      String doctor = weir.run("doctor", pid).exits(0).out();
      assertThat(doctor).contains("governed: Weir is in this JVM").doesNotContain("other agents");
      assertThat(doctor).contains("jvm " + pid + ": OpenJDK");
      if (to == 8) {
        assertThat(doctor).contains("a JVM of Java 8 does not list the classes it has loaded");
      }
      assertThat(weir.run("attach", pid).exits(1).err())
          .contains("WEIR2401", "Weir is in this JVM already");

      String other = Long.toString(governed.pid());
      assertThat(weir.run("doctor", other).exits(0).out())
          .contains("governed: Weir is in this JVM")
          .doesNotContain("other agents");
      assertThat(weir.run("attach", other).exits(1).err()).contains("Weir is in this JVM already");
      assertThat(plain.isAlive() && governed.isAlive()).isTrue();
    }
  }

  @Test
  void attachToAToolOfTheJdkSaysThatItIsLeftAlone() throws Exception {
    Jdk jdk = Jdk.find(17).orElseThrow();
    Path said = Work.fresh("jdb").resolve("said");
    // it waits for commands on its stdin
    Process jdb =
        new ProcessBuilder(jdk.home().resolve("bin/jdb").toString())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    try {
      Await.until(
          Duration.ofSeconds(30),
          () -> Files.readString(said).contains("Initializing"),
          () -> "the debugger waits");
      String pid = Long.toString(jdb.pid());
      Cli weir = cli(jdk);
      assertThat(weir.run("attach", pid).exits(1).err())
          .contains("WEIR2401", "debug.tty.TTY of the JDK, which the agent leaves alone");
      assertThat(weir.run("doctor", pid).exits(0).out())
          .containsPattern("note +governed: it runs .*debug.tty.TTY of the JDK");
    } finally {
      jdb.destroyForcibly().waitFor();
    }
  }

  private Cli cli(Jdk jdk) {
    return new Cli(jdk.java(), rules).env("WEIR_RULES", "file:" + rules);
  }

  private String options() {
    return "service=shop;rules=file:" + rules;
  }
}
