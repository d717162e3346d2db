package io.weir.control.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.control.store.Entry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskSnapshotTest {
  @TempDir Path temp;

  private static Entry entry(String key, String text) {
    return new Entry(key, text.getBytes(StandardCharsets.UTF_8), 1, 7, 0);
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp.resolve("new"), "order/../service");
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
  void onlyItsOwnerMayReadIt() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a");
    s.write(1, List.of());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(s.file())))
        .isEqualTo("rw-------");
  }

  @Test
  void anyDamageIsNoticed() throws IOException {
    DiskSnapshot s = new DiskSnapshot(temp, "a");
    s.write(1, List.of(entry("/a", "value")));
    byte[] good = Files.readAllBytes(s.file());
    for (int i = 0; i < good.length; i++) {
      byte[] bad = good.clone();
      bad[i] ^= 0x10;
      Files.write(s.file(), bad);
      assertThatThrownBy(s::read).isInstanceOf(IOException.class).hasMessageContaining("damaged");
    }
    Files.write(s.file(), java.util.Arrays.copyOf(good, good.length - 1));
    assertThatThrownBy(s::read).hasMessageContaining("damaged");
    Files.write(s.file(), new byte[0]);
    assertThatThrownBy(s::read).hasMessageContaining("damaged");
  }
}
