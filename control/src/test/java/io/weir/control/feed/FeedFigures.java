package io.weir.control.feed;

import io.weir.control.loop.Log;
import io.weir.control.store.Batch;
import io.weir.control.store.Change;
import io.weir.control.store.Entry;
import io.weir.engine.call.Ticker;
import io.weir.engine.gate.Engine;
import io.weir.engine.gate.EngineOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Rules at scale, measured, not asserted. Not part of the build; run with {@code scripts/test
 * FeedFigures}.
 */
class FeedFigures {
  /** CPU time of this thread: does not grow with the neighbours. */
  private static long cpu() {
    return java.lang.management.ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static Change rule(int service, int revision, String type, String text) {
    String key = "/service/s" + service + "/" + type;
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return new Change(key, new Entry(key, bytes, revision, revision, 0));
  }

  @Test
  void print() {
    for (int round = 0; round < 3; round++) {
      Engine engine = new Engine(EngineOptions.of("s1", Ticker.SYSTEM));
      long[] inEngine = new long[1];
      RuleFeed feed =
          new RuleFeed(
              book -> {
                long start = cpu();
                engine.apply(book);
                inEngine[0] = cpu() - start;
              },
              Log.NONE);
      List<Change> all = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        switch (i % 3) {
          case 0 ->
              all.add(rule(i / 3, 1, "rate-limit", "{\"qps\": 100, \"by\": [\"header:X-A\"]}"));
          case 1 -> all.add(rule(i / 3, 1, "circuit-breaker", "{\"failure_ratio\": 0.5}"));
          default ->
              all.add(
                  rule(
                      i / 3,
                      1,
                      "route",
                      "routes: [{match: \"header:X-C == 'true'\", to: [{version: v2}]}]\n"
                          + "default: [{version: v1}]"));
        }
      }
      long start = cpu();
      feed.onBatch(new Batch(1, all, false));
      long load = cpu() - start;
      long[] swap = new long[200];
      long[] engineSwap = new long[200];
      for (int i = 0; i < swap.length; i++) {
        start = cpu();
        feed.onBatch(
            new Batch(
                i + 2, List.of(rule(i, i + 2, "rate-limit", "{\"qps\": " + (i + 2) + "}")), false));
        swap[i] = cpu() - start;
        engineSwap[i] = inEngine[0];
      }
      Arrays.sort(swap);
      Arrays.sort(engineSwap);
      System.out.printf(
          "10000 rules, CPU time: load %.0f ms; swap of one p50 %.1f ms, max %.1f ms; of that"
              + " engine p50 %.1f ms%n",
          load / 1e6, swap[100] / 1e6, swap[199] / 1e6, engineSwap[100] / 1e6);
    }
  }
}
