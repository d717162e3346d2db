package io.weir.control.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.weir.control.loop.LoopThread;
import io.weir.control.testing.Recorder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileStoreTest {
  @TempDir Path temp;
  private final Recorder said = new Recorder();
  private final LoopThread loop = new LoopThread("test-loop", said);
  private FileStore store;

  private void start(Path root) {
    store = new FileStore(root, loop, said);
    store.start(said);
  }

  @AfterEach
  void stop() {
    store.close();
    loop.close();
  }

  private Path write(String name, String text) throws IOException {
    Path file = temp.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private void awaitView(Map<String, String> expected) {
    await().untilAsserted(() -> assertThat(said.view()).isEqualTo(expected));
  }

  @Test
  void theFirstBatchBringsEverythingThereIs() throws IOException {
    write("service/order/rate-limit.json", "1");
    write("service/*/route.yaml", "2");
    write("service/_all/rate-limit/x.yml", "3");
    write("services/order/instances/10.0.0.1:80", "alive");
    write("weir/off", "");
    write("service/order/.rate-limit.json.swp", "no");
    write("service/order/rate-limit.json~", "no");
    write("README", "to be sure");
    start(temp);
    awaitView(
        Map.of(
            "/service/order/rate-limit", "1",
            "/service/*/route", "2",
            "/service/*/rate-limit/x", "3",
            "/services/order/instances/10.0.0.1:80", "alive",
            "/weir/off", "",
            "/README", "to be sure"));
    assertThat(said.batches()).hasSize(1);
    assertThat(said.threads()).containsOnly("test-loop");
    assertThat(said.connected()).isTrue();
  }

  @Test
  void changesAndDeletionsAreSeen() throws IOException {
    Path file = write("service/order/rate-limit.json", "1");
    start(temp);
    awaitView(Map.of("/service/order/rate-limit", "1"));
    Files.writeString(file, "2");
    awaitView(Map.of("/service/order/rate-limit", "2"));
    write("service/new/rate-limit.json", "3");
    awaitView(Map.of("/service/order/rate-limit", "2", "/service/new/rate-limit", "3"));
    Files.delete(file);
    awaitView(Map.of("/service/new/rate-limit", "3"));
    assertThat(said.batches()).extracting(b -> b.revision).isSorted().doesNotHaveDuplicates();
  }

  @Test
  void filesChangedTogetherAreOneBatch() throws IOException {
    write("service/a/rate-limit.json", "1");
    write("service/b/rate-limit.json", "1");
    start(temp);
    awaitView(Map.of("/service/a/rate-limit", "1", "/service/b/rate-limit", "1"));
    write("service/a/rate-limit.json", "2");
    write("service/b/rate-limit.json", "2");
    awaitView(Map.of("/service/a/rate-limit", "2", "/service/b/rate-limit", "2"));
    assertThat(said.batches()).hasSize(2);
  }

  @Test
  void anAtomicRenameIsSeen() throws IOException {
    Path file = write("service/a/rate-limit.json", "1");
    start(temp);
    awaitView(Map.of("/service/a/rate-limit", "1"));
    Path draft = write("service/a/draft.tmp", "2");
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    awaitView(Map.of("/service/a/rate-limit", "2"));
  }

  @Test
  void aDirectoryThatComesLaterIsPickedUpAndOneThatVanishesTakesNothingAway() throws IOException {
    Path root = temp.resolve("later");
    start(root);
    await().untilAsserted(() -> assertThat(said.connected()).isFalse());
    assertThat(said.reason()).contains("is no directory");
    write("staged/service/a/rate-limit.json", "1");
    Files.move(temp.resolve("staged"), root);
    awaitView(Map.of("/service/a/rate-limit", "1"));
    assertThat(said.connected()).isTrue();
    Files.move(root, temp.resolve("gone"));
    await().untilAsserted(() -> assertThat(said.connected()).isFalse());
    assertThat(said.view()).hasSize(1);
    Files.move(temp.resolve("gone"), root);
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
    assertThat(said.view()).hasSize(1);
  }

  @Test
  void aTruncatedFileCountsAsItWasUntilItIsWritten() throws IOException {
    Path file = write("service/a/rate-limit.json", "1");
    start(temp);
    awaitView(Map.of("/service/a/rate-limit", "1"));
    Files.writeString(file, "");
    write("service/b/rate-limit.json", "1");
    awaitView(Map.of("/service/a/rate-limit", "1", "/service/b/rate-limit", "1"));
    Files.writeString(file, "2");
    awaitView(Map.of("/service/a/rate-limit", "2", "/service/b/rate-limit", "1"));
  }

  @Test
  void aSwappedSymbolicLinkIsSeen() throws IOException {
    Path one = Files.createDirectories(temp.resolve(".one/service/a"));
    Path two = Files.createDirectories(temp.resolve(".two/service/a"));
    Files.writeString(one.resolve("rate-limit.json"), "1");
    Files.writeString(two.resolve("rate-limit.json"), "2");
    Path link = temp.resolve("rules");
    Files.createSymbolicLink(link, temp.resolve(".one"));
    start(link);
    awaitView(Map.of("/service/a/rate-limit", "1"));
    Files.delete(link);
    Files.createSymbolicLink(link, temp.resolve(".two"));
    awaitView(Map.of("/service/a/rate-limit", "2"));
  }

  @Test
  void aDirectoryThatCannotBeReadKeepsItsRules() throws IOException {
    Path real = Files.createDirectories(temp.resolve(".order"));
    Files.writeString(real.resolve("rate-limit.json"), "1");
    write("service/a/rate-limit.json", "1");
    Path order = Files.createSymbolicLink(temp.resolve("service/order"), real);
    start(temp);
    awaitView(Map.of("/service/order/rate-limit", "1", "/service/a/rate-limit", "1"));
    // a link to a directory above it: for a file walk as unreadable as one without permission
    Path loop = Files.createSymbolicLink(temp.resolve(".loop"), temp);
    Files.move(loop, order, StandardCopyOption.ATOMIC_MOVE);
    await()
        .until(
            () -> said.lines().stream().anyMatch(l -> l.contains("service/order cannot be read")));
    write("service/a/rate-limit.json", "2");
    awaitView(Map.of("/service/order/rate-limit", "1", "/service/a/rate-limit", "2"));
  }

  @Test
  void moreThanTheHeapMayHoldLeavesTheLastGoodRulesAndIsSaidOnce() throws Exception {
    write("service/order/rate-limit.json", "1");
    store = new FileStore(temp, loop, said, 100_000);
    store.start(said);
    awaitView(Map.of("/service/order/rate-limit", "1"));
    Path large = write("service/order/route.json", "x".repeat(200_000));
    await()
        .until(() -> said.lines().stream().anyMatch(l -> l.contains("the last good rules stay")));
    write("service/order/rate-limit.json", "2");
    Files.delete(large);
    awaitView(Map.of("/service/order/rate-limit", "2"));
    assertThat(said.lines()).hasSize(1);
    assertThat(said.batches()).hasSize(2);
  }

  @Test
  void aFileLargerThanAMegabyteIsNotReadAndTheOthersAre() throws IOException {
    write("service/order/rate-limit.json", "1");
    write("service/order/route.json", "x".repeat((1 << 20) + 1));
    start(temp);
    awaitView(Map.of("/service/order/rate-limit", "1"));
    assertThat(said.lines()).hasSize(1).allMatch(l -> l.contains("route.json is larger than"));
  }

  @Test
  void aCloseEndsTheThread() throws IOException {
    AtomicInteger alive = new AtomicInteger(1);
    start(temp);
    await().untilAsserted(() -> assertThat(said.connected()).isTrue());
    store.close();
    await()
        .untilAsserted(
            () -> {
              alive.set(
                  (int)
                      Thread.getAllStackTraces().keySet().stream()
                          .filter(t -> t.getName().equals("weir-files"))
                          .count());
              assertThat(alive.get()).isZero();
            });
  }
}
