package io.weir.agent.cli;

import io.weir.engine.breaker.CircuitBreakers;
import io.weir.engine.gate.ServicePlan;
import io.weir.engine.rules.RuleBook;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Some seconds of a limiter, a breaker and a router at work, with nothing but this jar. */
@picocli.CommandLine.Command(
    footer = {
      "",
      "The engine is the agent's; around the calls of the demonstration it is put by hand. The",
      "agent itself, on an application that knows nothing of it, is shown by ./demo in Weir's",
      "source tree."
    })
final class DemoCommand extends Command {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long PATIENCE = 30 * SECOND;
  private static final long BETWEEN_CALLS = TimeUnit.MILLISECONDS.toNanos(4);

  @Option(
      names = "--keep",
      description = "goes on until interrupted: change the rules, and ask the shop again")
  boolean keep;

  @Option(names = "--port", paramLabel = "PORT", description = "of the shop (default: a free one)")
  int port;

  private final List<Object> steps = new ArrayList<Object>();

  // set by run, before anything else
  @SuppressWarnings("NullAway.Init")
  private Path rules;

  @SuppressWarnings("NullAway.Init")
  private DemoShop shop;

  /** Takes the demonstration's rules away. */
  private static final class Sweep extends SimpleFileVisitor<Path> {
    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      Files.delete(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failed)
        throws IOException {
      Files.delete(directory);
      return FileVisitResult.CONTINUE;
    }
  }

  /** What came of some calls. */
  private static final class Tally {
    int calls;
    int good;
    int limited;
    int broken;
    int toV2;
    double seconds;
    DemoShop.@Nullable Answer refused;
  }

  @Override
  int run() throws Exception {
    rules = Files.createTempDirectory("weir-demo-");
    try (DemoShop s = new DemoShop(rules, port)) {
      shop = s;
      talk("shop answers on " + shop.url() + " and calls payment, of which v1 and v2 run");
      talk("rules are files in " + rules);
      limit();
      breaker();
      canary();
      if (out.json) {
        out.json(Json.object("shop", shop.url(), "rules", rules.toString(), "steps", steps));
      }
      if (keep) {
        out.say("try: curl -i " + shop.url() + "    curl -H 'X-Canary: true' " + shop.url());
        out.next("weir canary set payment v2 50 --rules " + rules);
        Thread.currentThread().join(); // until interrupted
      }
    } finally {
      Files.walkFileTree(rules, new Sweep());
    }
    out.next("java -javaagent:" + jar.getName() + "=service=NAME -jar your-app.jar");
    return Exit.OK;
  }

  private void limit() throws IOException {
    Tally free = calls(SECOND / 2, null);
    claim(
        free.good == free.calls,
        "without rules: " + free.good + " of " + free.calls + " calls pass");
    put("/service/shop/rate-limit", "qps: 20\nburst: 20\n", b -> !b.limits("shop").isEmpty());
    long second = System.nanoTime() + SECOND;
    Tally t = callsUntil(x -> x.limited > 0 && System.nanoTime() - second >= 0);
    claim(
        t.good <= 20 + 20 * t.seconds + 1,
        String.format(
            "%d of %d calls pass within %.1f s: 20 at once and 20 a second",
            t.good, t.calls, t.seconds));
    talk("   the others see: HTTP " + seen(t));
    put("/service/shop/rate-limit", null, b -> b.limits("shop").isEmpty());
  }

  private void breaker() throws IOException {
    put(
        "/service/payment/circuit-breaker",
        "window: {size: 20}\n"
            + "min_calls: 20\n"
            + "failure_ratio: 0.5\n"
            + "min_seconds: 0.2\n"
            + "open_seconds: 1\n"
            + "ramp_seconds: 0\n",
        b -> !b.breakers("payment").isEmpty());
    talk("payment breaks: it answers 500");
    shop.broken = true;
    Tally failing = callsUntil(t -> t.broken > 0);
    int before = shop.paid.get();
    Tally open = calls(SECOND / 2, null);
    claim(
        open.broken > 0,
        "the breaker opened after "
            + failing.calls
            + " calls; of the next "
            + open.calls
            + " payment saw "
            + (shop.paid.get() - before));
    talk("   callers see: HTTP " + seen(open));
    shop.broken = false;
    long repaired = System.nanoTime();
    ServicePlan plan = Objects.requireNonNull(shop.engine().plan("payment"));
    CircuitBreakers breakers = Objects.requireNonNull(plan.breakers());
    callsUntil(t -> breakers.all().get(0).state().equals("closed"));
    claim(
        true,
        String.format(
            "payment is well again: closed after %.1f s", (System.nanoTime() - repaired) / 1e9));
  }

  private void canary() throws IOException {
    for (int i = 0; i < 2; i++) {
      put(
          "/services/payment/instances/127.0.0.1:" + shop.payment[i],
          "{\"version\": \"v" + (i + 1) + "\"}",
          b -> !b.instances("payment").isEmpty());
    }
    put(
        "/service/payment/route",
        "routes:\n  - match: \"header:X-Canary == 'true'\"\n    to: [{version: v2}]\n"
            + "default: [{version: v1, weight: 80}, {version: v2, weight: 20}]\n",
        b -> b.route("payment") != null && b.instances("payment").size() == 2);
    Tally tagged = calls(SECOND / 2, "true");
    claim(
        tagged.toV2 == tagged.calls && tagged.calls > 0,
        "with X-Canary: true " + tagged.toV2 + " of " + tagged.calls + " calls land on v2");
    Tally rest = calls(SECOND, null);
    claim(
        rest.toV2 > 0 && rest.toV2 < rest.calls,
        String.format("of all others %.0f %%: the rule says 20", 100.0 * rest.toV2 / rest.calls));
  }

  /** Writes a rule and waits until the engine has it. */
  private void put(String key, @Nullable String text, Predicate<RuleBook> until)
      throws IOException {
    talk("");
    talk((text == null ? "delete " : "put ") + key);
    if (text != null && !out.json) {
      for (String line : text.trim().split("\n")) {
        out.line("     " + line);
      }
    }
    FileTree.write(rules, key, text == null ? null : text.getBytes(StandardCharsets.UTF_8));
    long began = System.nanoTime();
    while (!until.test(shop.engine().snapshot().book())) {
      if (System.nanoTime() - began > PATIENCE) {
        throw new CliException(CliFault.DEFECT, key + " did not come into force");
      }
      LockSupport.parkNanos(BETWEEN_CALLS);
    }
  }

  private Tally calls(long nanos, @Nullable String canary) throws IOException {
    long end = System.nanoTime() + nanos;
    return calls(t -> System.nanoTime() - end >= 0, canary);
  }

  private Tally callsUntil(Predicate<Tally> enough) throws IOException {
    long end = System.nanoTime() + PATIENCE;
    return calls(
        t -> {
          if (System.nanoTime() - end >= 0) {
            throw new CliException(CliFault.DEFECT, "nothing happened in time");
          }
          return enough.test(t);
        },
        null);
  }

  private Tally calls(Predicate<Tally> enough, @Nullable String canary) throws IOException {
    Tally t = new Tally();
    long began = System.nanoTime();
    do {
      DemoShop.Answer a = shop.call(canary);
      t.calls++;
      t.good += a.status == 200 ? 1 : 0;
      t.limited += a.status == 429 ? 1 : 0;
      t.broken += a.status == 503 ? 1 : 0;
      t.toV2 += a.body.contains("v2") ? 1 : 0;
      t.refused = a.status == 429 || a.status == 503 ? a : t.refused;
      LockSupport.parkNanos(BETWEEN_CALLS);
    } while (!enough.test(t));
    t.seconds = (System.nanoTime() - began) / 1e9;
    return t;
  }

  private static String seen(Tally t) {
    DemoShop.Answer a = Objects.requireNonNull(t.refused);
    return a.status + "  " + a.headers;
  }

  private void claim(boolean holds, String what) {
    steps.add(Json.object("holds", holds, "says", what));
    if (!out.json) {
      out.line(
          (holds ? out.ink(CliOutput.Ink.GOOD, "ok ") : out.ink(CliOutput.Ink.BAD, "NO "))
              + " "
              + what);
      out.flush();
    }
    if (!holds) {
      throw new CliException(CliFault.DEFECT, "the demonstration did not go as it should: " + what);
    }
  }

  private void talk(String line) {
    if (!out.json) {
      out.line(line);
      out.flush();
    }
  }
}
