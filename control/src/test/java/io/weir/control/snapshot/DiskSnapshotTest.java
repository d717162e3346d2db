package io.weir.control.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskSnapshotTest {
  @TempDir Path temp;

  private static Entry entry(String key, String text) {
    return new Entry(key, text.getBytes(StandardCharsets.UTF_8), 1, 7, 0);
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp.resolve("new"), "order/../service", "");
    assertThat(s.read()).isNull();
    s.write(41, List.of(entry("/a", "1")));
    s.write(42, List.of(entry("/a", "1"), entry("/b", "ü")));
    DiskSnapshot.Content c = s.read();
    assertThat(c.revision).isEqualTo(42);
    assertThat(c.entries).extracting(Entry::text).containsExactly("1", "ü");
    assertThat(c.entries.get(0).modRevision).isEqualTo(7);
    assertThat(s.file().getParent()).isEqualTo(temp.resolve("new"));
    try (var files = Files.list(temp.resolve("new"))) {
      assertThat(files).containsExactly(s.file());
    }
  }

  @Test
  void servicesAndNamespacesThatShareADirectoryHaveFilesOfTheirOwn() throws IOException {
    assertThat(new DiskSnapshot(temp, "shop", "").file()).isEqualTo(temp.resolve("shop.snapshot"));
    String[][] all = {
      {"shop", ""},
      {"shop", "/a"},
      {"shop", "_a"},
      {"sh_op", ""},
      {"sh@op", ""},
      {"sh:op", ""},
      {"s".repeat(120), ""},
      {"s".repeat(121), ""},
      {"shop/a", ""},
      {"caf\u00e9", ""}
    };
    for (int i = 0; i < all.length; i++) {
      new DiskSnapshot(temp, all[i][0], all[i][1]).write(i, List.of());
    }
    for (int i = 0; i < all.length; i++) {
      assertThat(new DiskSnapshot(temp, all[i][0], all[i][1]).read().revision).isEqualTo(i);
    }
  }

  @Test
  void aDirectoryThatEverybodyMayWriteToIsKnownToBeOne() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp.resolve("d"), "a", "");
    assertThat(s.isInAnyonesReach()).isFalse();
    s.write(1, List.of());
    assertThat(s.isInAnyonesReach()).isFalse();
    Files.setPosixFilePermissions(temp.resolve("d"), PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThat(s.isInAnyonesReach()).isTrue();
  }

  @Test
  void oneThatIsTooLargeForTheHeapIsNotRead() throws IOException {
    new DiskSnapshot(temp, "a", "").write(1, List.of(entry("/a", "x".repeat(10_000))));
    assertThat(new DiskSnapshot(temp, "a", "", 20_000).read().entries).hasSize(1);
    assertThatThrownBy(new DiskSnapshot(temp, "a", "", 9_000)::read)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("more than 9000 bytes, too much for this JVM's heap");
  }

  @Test
  void onlyItsOwnerMayReadIt() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a", "");
    s.write(1, List.of());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(s.file())))
        .isEqualTo("rw-------");
  }

  @Test
  void permissionsThatWereLoosenedAreTightenedAgain() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a", "");
    s.write(1, List.of());
    Files.setPosixFilePermissions(s.file(), PosixFilePermissions.fromString("rw-rw-rw-"));
    s.write(2, List.of());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(s.file())))
        .isEqualTo("rw-------");
  }

  @Test
  void aWriterThatDiedHalfWayLeavesTheOldOneGood() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a", "");
    s.write(1, List.of(entry("/a", "old")));
    byte[] whole = Files.readAllBytes(s.file());
    Path left = s.file().resolveSibling(s.file().getFileName() + ".1f.tmp");
    Files.write(left, java.util.Arrays.copyOf(whole, whole.length / 2));
    assertThat(s.read().entries.get(0).text()).isEqualTo("old");
    s.write(2, List.of(entry("/a", "new")));
    assertThat(s.read().entries.get(0).text()).isEqualTo("new");
    assertThat(left).as("its writer may be at it").exists();
    Files.setLastModifiedTime(left, FileTime.from(Instant.now().minusSeconds(3600)));
    s.write(3, List.of(entry("/a", "newer")));
    assertThat(left).doesNotExist();
  }

  @Test
  void instancesOfOneServiceWriteAtTheSameTimeAndNoneFails() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    try {
      List<Future<?>> writers = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        String value = "value ".repeat(1000) + t;
        DiskSnapshot s = new DiskSnapshot(temp, "a", "");
        writers.add(
            pool.submit(
                () -> {
                  for (int i = 0; i < 100; i++) {
                    s.write(i, List.of(entry("/a", value)));
                    assertThat(s.read().entries.get(0).text()).startsWith("value ");
                  }
                  return null;
                }));
      }
      for (Future<?> w : writers) {
        w.get();
      }
      try (Stream<Path> left = Files.list(temp)) {
        assertThat(left).hasSize(1);
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void anotherVersionIsRefusedAndSaidSo() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a", "");
    s.write(1, List.of(entry("/a", "value")));
    byte[] newer = Files.readAllBytes(s.file());
    newer["weir-snapshot ".length()] = '2';
    Files.write(s.file(), newer);
    assertThatThrownBy(s::read).hasMessageContaining("another version");
  }

  @Test
  void whatCannotBeReadOrWrittenIsAnIoException() throws IOException {
    DiskSnapshot taken = new DiskSnapshot(temp, "a", "");
    Files.createDirectories(taken.file());
    assertThatThrownBy(taken::read).isInstanceOf(IOException.class);
    Files.writeString(temp.resolve("file"), "");
    DiskSnapshot below = new DiskSnapshot(temp.resolve("file"), "a", "");
    assertThatThrownBy(() -> below.write(1, List.of())).isInstanceOf(IOException.class);
  }

  @Test
  void anyDamageIsNoticed() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a", "");
    s.write(1, List.of(entry("/a", "value")));
    byte[] good = Files.readAllBytes(s.file());
    for (int i = 0; i < good.length; i++) {
      byte[] bad = good.clone();
      bad[i] ^= 0x10;
      Files.write(s.file(), bad);
      assertThatThrownBy(s::read).isInstanceOf(IOException.class).hasMessageContaining("damaged");
    }
    for (int length = 0; length < good.length; length++) {
      Files.write(s.file(), java.util.Arrays.copyOf(good, length));
      assertThatThrownBy(s::read).isInstanceOf(IOException.class).hasMessageContaining("damaged");
    }
  }
}
