package io.weir.agent.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What an edit leaves alone. */
class RuleTextTest {
  @Test
  void aValueIsReplacedAndCommentsStay() {
    String yaml = "# why\nqps: 5   # slow\nmode: shadow # for now\nburst: 7\n";
    assertThat(RuleText.of(yaml).with("", "mode", "\"enforce\""))
        .isEqualTo("# why\nqps: 5   # slow\nmode: enforce # for now\nburst: 7\n");
  }

  @Test
  void aFieldThatIsMissingBecomesTheFirst() {
    assertThat(RuleText.of("qps: 5\n").with("", "mode", "\"shadow\""))
        .isEqualTo("mode: shadow\nqps: 5\n");
    assertThat(RuleText.of("{\"qps\": 5}").with("", "mode", "\"shadow\""))
        .isEqualTo("{\"mode\": \"shadow\", \"qps\": 5}");
  }

  @Test
  void theSpecOfAnEnvelopeHoldsTheRule() {
    RuleText json = RuleText.of("{\"version\": \"2.1\", \"spec\": {\"qps\": 5}}");
    assertThat(json.rules()).containsExactly("spec");
    assertThat(json.with("spec", "mode", "\"shadow\""))
        .isEqualTo("{\"version\": \"2.1\", \"spec\": {\"mode\": \"shadow\", \"qps\": 5}}");
    RuleText yaml = RuleText.of("version: '2.1'\nspec:\n    qps: 5\n    burst: 9\n");
    assertThat(yaml.with("spec", "mode", "\"shadow\""))
        .isEqualTo("version: '2.1'\nspec:\n    mode: shadow\n    qps: 5\n    burst: 9\n");
  }

  @Test
  void everyRuleOfAListIsFound() {
    RuleText list = RuleText.of("- id: a\n  qps: 1\n- id: b\n  qps: 2\n");
    assertThat(list.rules()).containsExactly("[0]", "[1]");
    assertThat(list.with("[1]", "mode", "\"shadow\""))
        .isEqualTo("- id: a\n  qps: 1\n- mode: shadow\n  id: b\n  qps: 2\n");
  }

  @Test
  void aBlockListIsReplacedUpToItsLastValue() {
    String yaml =
        "routes: []\ndefault:\n- version: v1 # old\n  weight: 95\n# the rest\nmode: shadow\n";
    assertThat(RuleText.of(yaml).with("", "default", "[{\"version\":\"v2\"}]"))
        .isEqualTo("routes: []\ndefault:\n  [{\"version\":\"v2\"}]\n# the rest\nmode: shadow\n");
  }

  @Test
  void positionsAreRightBehindLettersOutsideTheBasicPlane() {
    assertThat(RuleText.of("id: \"\ud83d\ude00\"\nmode: shadow\n").with("", "mode", "\"enforce\""))
        .isEqualTo("id: \"\ud83d\ude00\"\nmode: enforce\n");
    assertThat(RuleText.of("{\"id\": \"\ud83d\ude00\", \"qps\": 1}").with("", "qps", "2"))
        .isEqualTo("{\"id\": \"\ud83d\ude00\", \"qps\": 2}");
  }
}
