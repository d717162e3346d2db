package io.weir.control.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.parse.NameRules;
import io.weir.control.parse.RuleKey;
import io.weir.control.parse.RuleParser;
import io.weir.control.parse.RuleProblem;
import io.weir.engine.instances.Instance;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Whatever an instance may write of itself, every reader accepts, and reads the same. */
class WrittenAndReadTest {
  private static final String ODD =
      "aZ09._-~@:/%[]{}\"'\\ ,;=*#\t\n\r\u0000\u0007\u007f\u0085\u00e9\u4e2d\ud83d\ude00\ud800";

  private final long seed = Long.getLong("weir.seed", System.nanoTime());
  private final Random random = new Random(seed);

  private String text(int most) {
    StringBuilder s = new StringBuilder();
    int n = random.nextInt(20) == 0 ? random.nextInt(most) : random.nextInt(12);
    boolean plain = random.nextBoolean();
    for (int i = 0; i < n; i++) {
      s.append(ODD.charAt(random.nextInt(plain ? 10 : ODD.length())));
    }
    return s.toString();
  }

  private String given() {
    switch (random.nextInt(6)) {
      case 0:
        return text(20);
      case 1:
        return text(20) + ":" + (random.nextInt(70_000) - 1000);
      case 2:
        return "[fe80::" + Integer.toHexString(random.nextInt(70_000)) + "]";
      case 3:
        return "::" + Integer.toHexString(random.nextInt(70_000));
      case 4:
        return "10.0.0." + random.nextInt(256) + ":" + (1 + random.nextInt(65_535));
      default:
        return "host-" + random.nextInt(100);
    }
  }

  /** What the agent's configuration lets through, see its Checks. */
  private String place() {
    String p = text(300);
    return NameRules.placeProblem(p) == null ? p : null;
  }

  @Test
  void everythingThatIsWrittenIsRead() {
    System.out.println("seed: -Dweir.seed=" + seed);
    int written = 0;
    for (int n = 0; n < 20_000; n++) {
      String service = text(300);
      String given = random.nextInt(4) == 0 ? null : given();
      String address = given == null ? null : NameRules.address(given);
      if (!NameRules.isName(service) || given != null && address == null) {
        continue; // refused where it was given
      }
      Map<String, String> labels = new TreeMap<>();
      for (int i = random.nextInt(random.nextInt(50) == 0 ? NameRules.MOST_LABELS : 3);
          i > 0;
          i--) {
        String name = place();
        String value = place();
        if (name != null && value != null && !value.isEmpty()) {
          labels.put(name, value);
        }
      }
      String version = place();
      String region = place();
      InstanceDescription self =
          new InstanceDescription(service, address, "/healthz", version, region, place(), labels);
      int port = 1 + random.nextInt(65_535);
      String at = self.address(port);
      String key = Registration.key(service, at == null ? "127.0.0.1:" + port : at);
      for (boolean leaving : new boolean[] {false, true}) {
        String value = self.json("http");
        value = leaving ? Registration.leaving(value) : value;
        written++;
        RuleKey read = RuleKey.parse(key);
        assertThat(read.kind).as("%s (seed %d)", key, seed).isEqualTo(RuleKey.Kind.INSTANCE);
        assertThat(read.service).isEqualTo(service);
        List<RuleProblem> problems = new ArrayList<>();
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        Instance instance = RuleParser.instance(read, bytes, problems);
        assertThat(problems).as("%s %s (seed %d)", key, value, seed).isEmpty();
        assertThat(instance).isNotNull();
        assertThat(instance.toString()).isEqualTo(read.id);
        assertThat(instance.version())
            .isEqualTo(version == null || version.isEmpty() ? null : version);
        assertThat(instance.region()).isEqualTo(region == null || region.isEmpty() ? null : region);
        assertThat(instance.labels()).isEqualTo(labels);
        assertThat(RuleParser.isLeaving(bytes)).isEqualTo(leaving);
      }
    }
    assertThat(written).isGreaterThan(1000);
  }
}
