package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A wall clock of a JVM that is wrong: {@code LD_PRELOAD} and {@code STEPPED_CLOCK}. */
final class SteppedClock {
  private SteppedClock() {}

  /** A clock that is right so far. */
  static Path file(String name) throws IOException {
    Path clock = Work.directory("clock").resolve(name);
    Files.write(clock, new byte[8]);
    return clock;
  }

  static void step(Path clock, Duration ahead) throws IOException {
    // in place: the process has mapped the file
    Files.write(
        clock,
        ByteBuffer.allocate(8).order(ByteOrder.nativeOrder()).putLong(ahead.toNanos()).array(),
        StandardOpenOption.WRITE);
  }

  /** What to preload: compiled here, by a path without spaces, at which LD_PRELOAD would cut it. */
  static String library() throws IOException, InterruptedException {
    Path folder = Work.directory("clock");
    Path source = folder.resolve("stepped-clock.c");
    try (InputStream in = SteppedClock.class.getResourceAsStream("/stepped-clock.c")) {
      Files.copy(in, source, StandardCopyOption.REPLACE_EXISTING);
    }
    Path library = folder.resolve("stepped-clock.so");
    Process cc;
    try {
      cc =
          new ProcessBuilder(
                  "cc", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl")
              .redirectErrorStream(true)
              .start();
    } catch (IOException none) {
      assertThat(System.getenv("CI")).as("CI proves this, too: install a C compiler (cc)").isNull();
      assumeTrue(false, "no C compiler here: install one (cc) to run this");
      throw none;
    }
    String said = new String(cc.getInputStream().readAllBytes());
    assertThat(cc.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(cc.exitValue()).as(said).isZero();
    Path relative = Path.of("").toAbsolutePath().relativize(library);
    return "./" + relative;
  }
}
