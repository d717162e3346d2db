package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weir.smoke.Matrix.Cell;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Paced requests in containers whose wall clock is stepped and whose time-outs are short. */
class PacedClockTest {
  /** One per way in which a container lets requests go and takes them up again. */
  private static final Set<String> SERVERS =
      Set.of(
          "tomcat-8.5",
          "tomcat-9.0",
          "tomcat-11.0",
          "jetty-9.4",
          "jetty-12.1-ee11",
          "undertow-2.3");

  private static final int IDLE_MILLIS = 1_500;

  private final List<Site> sites = new ArrayList<>();

  private static final class Site {
    final Cell cell;
    final Path clock;
    final Jvm jvm;
    Raw waiting;

    Site(Cell cell, Path clock, Jvm jvm) {
      this.cell = cell;
      this.clock = clock;
      this.jvm = jvm;
    }

    void step(Duration ahead) throws IOException {
      SteppedClock.step(clock, ahead);
    }
  }

  @AfterEach
  void stop() throws IOException {
    for (Site s : sites) {
      if (s.waiting != null) {
        s.waiting.close();
      }
      s.jvm.close();
    }
  }

  /** Tomcat counts the time-out of asynchronous requests by the wall clock. */
  @Test
  void aPacedRequestOutlivesAStepOfTheWallClockAndTheContainersIdleTimeouts() throws Exception {
    String library = SteppedClock.library();
    Rules rules =
        new Rules()
            .put(
                "service/shop/rate-limit",
                "{\"qps\": 0.2, \"burst\": 1, \"max_wait_ms\": 60000, \"match\": \"path =="
                    + " '/hello'\"}");
    for (Cell cell : Matrix.cells("servlet")) {
      if (SERVERS.contains(cell.name()) && cell.jdk().version() == 17) {
        Path clock = SteppedClock.file(cell.name());
        sites.add(
            new Site(
                cell,
                clock,
                Sites.jvm(cell)
                    .weir("service=shop;rules=" + rules.location())
                    .options("-Dsite.idle=" + IDLE_MILLIS)
                    .env("LD_PRELOAD", library)
                    .env("STEPPED_CLOCK", clock.toString())
                    .launch()));
      }
    }
    assumeTrue(!sites.isEmpty(), "no row of the matrix was asked for");
    for (Site s : sites) {
      s.jvm.awaitReady();
      rules.awaitInForce("shop", s.jvm, "/plain");
    }
    long began = System.nanoTime();
    for (Site s : sites) {
      try (Raw http = new Raw(s.jvm.port())) {
        assertThat(http.get("/hello").status()).as(s.cell.name()).isEqualTo(200);
      }
      s.waiting = new Raw(s.jvm.port());
      s.waiting.send("GET", "/hello", null);
      // answered after it was read: the request before has begun to wait
      try (Raw http = new Raw(s.jvm.port())) {
        assertThat(http.get("/plain").status()).as(s.cell.name()).isEqualTo(200);
      }
    }
    for (Site s : sites) {
      s.step(Duration.ofHours(1));
    }
    for (Site s : sites) {
      Raw.Answer answer = s.waiting.answer("GET");
      assertThat(answer.status()).as(() -> s.cell.name() + "\n" + s.jvm.told()).isEqualTo(200);
      assertThat(s.jvm.stderr()).as(s.cell.name()).noneMatch(l -> l.contains("fail-open"));
    }
    assertThat(System.nanoTime() - began)
        .as("they have waited longer than any idle time-out, and than Tomcat needs to look")
        .isGreaterThan(Duration.ofSeconds(4).toNanos());
    for (Site s : sites) {
      if (s.cell.name().startsWith("tomcat")) {
        assertThat(date(s)).as("its clock was stepped").isAfter(Instant.now().plusSeconds(1800));
      }
    }
  }

  private static Instant date(Site s) throws IOException {
    try (Raw http = new Raw(s.jvm.port())) {
      return ZonedDateTime.parse(
              http.get("/plain").header("Date"), DateTimeFormatter.RFC_1123_DATE_TIME)
          .toInstant();
    }
  }
}
