package io.weir.agent.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.agent.config.Config;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the rules are, and by what password. */
class RuleSourceTest {
  @TempDir Path directory;

  private Config config(String options) {
    return Config.load(options, directory.toFile(), new Properties(), Map.of());
  }

  private boolean isConfigured(String options) {
    return RuleSource.isConfigured(config(options), new File(directory.toFile(), "weir.jar"));
  }

  @Test
  void noEtcdIsAskedUnlessSomebodySaysSo() throws IOException {
    assertThat(isConfigured("service=a;etcd.user=x")).isFalse();
    assertThat(isConfigured("etcd.endpoints=http://h:2379")).isTrue();
    assertThat(isConfigured("rules=etcd")).isTrue();
    assertThat(RuleSource.etcd(config("rules=etcd")).endpoints)
        .hasToString("[http://127.0.0.1:2379]");
    assertThat(isConfigured("rules=file:x")).isTrue();
    Files.createDirectory(directory.resolve("weir-rules"));
    assertThat(isConfigured(null)).isTrue();
  }

  @Test
  void thePasswordIsReadFromItsFile() throws IOException {
    Path file = Files.writeString(directory.resolve("secret"), "s3cret word\r\n");
    String options =
        "etcd.endpoints=http://10.0.0.7:2379;etcd.user=shop;etcd.password-file=" + file;
    assertThat(RuleSource.etcd(config(options)).user).isEqualTo("shop");
    assertThat(RuleSource.warning(RuleSource.etcd(config(options))))
        .contains("weir.etcd.password")
        .contains("http://10.0.0.7:2379 unencrypted")
        .contains("use https://")
        .doesNotContain("s3cret");
    for (String bad : new String[] {directory.resolve("none").toString(), directory.toString()}) {
      assertThatThrownBy(() -> RuleSource.etcd(config("etcd.user=a;etcd.password-file=" + bad)))
          .hasMessageContaining("weir.etcd.password-file: '" + bad + "' cannot be read");
    }
    Files.writeString(file, "\n");
    assertThatThrownBy(() -> RuleSource.etcd(config(options))).hasMessageContaining("is empty");
  }

  @Test
  void aPasswordIsWarnedOfWhereItLeavesTheHostUnencryptedOnly() {
    String user = ";etcd.user=a;etcd.password=b";
    for (String good :
        new String[] {
          "http://127.0.0.1:1",
          "http://localhost:1",
          "http://[::1]:1",
          "http://127.1.2.3:1",
          "https://etcd.example:1"
        }) {
      assertThat(RuleSource.warning(RuleSource.etcd(config("etcd.endpoints=" + good + user))))
          .as(good)
          .isNull();
    }
    assertThat(RuleSource.warning(RuleSource.etcd(config("etcd.endpoints=http://etcd.example:1"))))
        .as("no password, no warning")
        .isNull();
    for (String bad : new String[] {"http://127.0.0.1.example:1", "http://[fe80::1]:1"}) {
      assertThat(RuleSource.warning(RuleSource.etcd(config("etcd.endpoints=" + bad + user))))
          .contains(bad);
    }
  }
}
