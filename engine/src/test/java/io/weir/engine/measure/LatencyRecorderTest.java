package io.weir.engine.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.engine.outcome.Outcome;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class LatencyRecorderTest {
  private static final long SECOND = 1_000_000_000L;

  private static int get(int status) {
    return CallTags.ended(CallTags.begun(false, "GET"), Outcome.http(status));
  }

  @Test
  void kindsBeyondTheBoundShareOneAndNoneIsLost() {
    LatencyRecorder l = new LatencyRecorder();
    for (int i = 0; i < LatencyRecorder.MAX_KINDS + 3; i++) {
      l.record(get(200 + i), (i + 1) * 1_000_000L);
      l.record(get(200 + i), (i + 1) * 1_000_000L);
    }
    List<String> kinds = new ArrayList<>();
    l.read((kind, micros) -> kinds.add(CallTags.status(kind) + " " + micros.getTotalCount()));
    assertThat(kinds)
        .containsExactly(
            "200 2", "201 2", "202 2", "203 2", "204 2", "205 2", "206 2", "207 2", "208 2",
            "209 2", "210 2", "211 2", "0 6");
    assertThat(l.total().getTotalCount()).isEqualTo(30);
    assertThat(l.total().getMaxValue()).isBetween(14_900L, 15_100L);
  }

  @Test
  void theSharedOneSaysWhetherItsCallsAreGrpc() {
    LatencyRecorder l = new LatencyRecorder();
    for (int code = 0; code <= LatencyRecorder.MAX_KINDS; code++) {
      l.record(CallTags.ended(CallTags.begun(true, null), Outcome.grpc(code)), 1000);
    }
    List<String> last = new ArrayList<>();
    l.read((kind, micros) -> last.add(CallTags.grpc(kind) + " " + CallTags.code(kind)));
    assertThat(last.get(LatencyRecorder.MAX_KINDS)).isEqualTo("true null");
  }

  @Test
  void aClockThatWentBackCountsAsNothingAndAnHourAsAMinute() {
    LatencyRecorder l = new LatencyRecorder();
    l.record(get(200), -5 * SECOND);
    assertThat(l.total().getMaxValue()).isZero();
    l.record(get(200), 3600 * SECOND);
    assertThat(l.total().getMaxValue()).isBetween(59_500_000L, 60_500_000L);
    l.record(get(201), 1_999);
    List<Histogram> copies = new ArrayList<>();
    l.read((kind, micros) -> copies.add(micros));
    assertThat(copies.get(1).getMaxValue()).as("whole microseconds").isEqualTo(1);
    copies.get(1).recordValue(7);
    assertThat(l.total().getTotalCount()).as("a copy is the reader's own").isEqualTo(3);
  }

  @Test
  void servicesBeyondTheBoundShareOne() {
    LatencyRecorders all = new LatencyRecorders();
    LatencyRecorder first = all.target("s-0");
    for (int i = 0; i < LatencyRecorders.MAX_TARGETS; i++) {
      all.target("s-" + i).record(get(200), 1000);
    }
    assertThat(all.target("s-0")).isSameAs(first);
    assertThat(all.target("s-63")).isNotSameAs(all.target("one more"));
    assertThat(all.target("one more")).isSameAs(all.target("and another"));
    all.target("one more").record(get(200), 1000);
    assertThat(all.targets()).hasSize(LatencyRecorders.MAX_TARGETS + 1).containsKey("s-63");
    assertThat(all.targets().get(LatencyRecorders.OTHERS).total().getTotalCount()).isOne();
    assertThat(all.targets().get("s-5").total().getTotalCount()).isOne();
    assertThat(all.server().total().getTotalCount()).isZero();
  }

  @Test
  void decisionsAreTimedUpToASecond() {
    LatencyRecorders all = new LatencyRecorders();
    all.decided(-1);
    all.decided(1000);
    all.decided(5 * SECOND);
    Histogram h = all.decisions();
    assertThat(h.getTotalCount()).isEqualTo(3);
    assertThat(h.getMinValue()).isZero();
    assertThat(h.getValueAtPercentile(50)).isBetween(990L, 1010L);
    assertThat(h.getMaxValue()).isBetween(990_000_000L, 1_010_000_000L);
  }
}
