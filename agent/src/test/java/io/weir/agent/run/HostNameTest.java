package io.weir.agent.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Two hosts are two names, whatever their shells export. */
class HostNameTest {
  private static final String KERNEL = "/proc/sys/kernel/hostname";
  private static final String FILE = "/etc/hostname";
  private final Map<String, String> files = new HashMap<>();
  private final Map<String, String> environment = new HashMap<>();

  private String name() {
    return HostName.of(files::get, environment);
  }

  @Test
  void theKernelIsAskedFirstThenTheFileThenTheEnvironment() {
    assertThat(name()).isEqualTo("jvm");
    environment.put("COMPUTERNAME", "WIN-7");
    assertThat(name()).isEqualTo("WIN-7");
    environment.put("HOSTNAME", "exported");
    assertThat(name()).isEqualTo("exported");
    files.put(FILE, "# ours\nfile.example\n");
    assertThat(name()).isEqualTo("file.example");
    files.put(KERNEL, "kernel-1\n");
    assertThat(name()).isEqualTo("kernel-1");
  }

  @Test
  void aNameThatMeansNothingIsPassedOver() {
    files.put(KERNEL, "localhost.localdomain\n");
    assertThat(name()).isEqualTo("localhost.localdomain");
    files.put(FILE, "build-7\n");
    assertThat(name()).isEqualTo("build-7");
    files.put(KERNEL, "(none)\n");
    assertThat(name()).isEqualTo("build-7");
  }

  @Test
  void whatAKeyCannotHoldIsReplaced() {
    files.put(KERNEL, "a/b c\u0007d" + "x".repeat(100));
    assertThat(name()).startsWith("a-b-c-dx").hasSize(64);
  }

  @Test
  void containersAndHostsWithoutANameOfTheirOwnGetAMark() {
    String first = "pid:[4026531836]";
    assertThat(Identity.name("web", "4711", first, "boot-a")).isEqualTo("web:4711");
    assertThat(Identity.name("web", "4711", null, null)).isEqualTo("web:4711");
    String inside = Identity.name("web", "1", "pid:[4026532201]", "boot-a");
    assertThat(inside)
        .startsWith("web:1~")
        .isEqualTo(Identity.name("web", "1", "pid:[4026532201]", "boot-a\n"))
        .isNotEqualTo(Identity.name("web", "1", "pid:[4026532202]", "boot-a"))
        .isNotEqualTo(Identity.name("web", "1", "pid:[4026532201]", "boot-b"));
    assertThat(Identity.name("localhost", "7", first, "boot-a"))
        .isNotEqualTo(Identity.name("localhost", "7", first, "boot-b"));
  }
}
