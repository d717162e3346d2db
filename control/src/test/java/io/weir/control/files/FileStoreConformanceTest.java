package io.weir.control.files;

import io.weir.control.loop.Loop;
import io.weir.control.store.Store;
import io.weir.control.store.StoreConformance;
import io.weir.control.testing.Recorder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class FileStoreConformanceTest extends StoreConformance {
  @TempDir Path temp;

  @Override
  protected Store open(Loop loop, Recorder log) {
    return new FileStore(temp, loop, log);
  }

  @Override
  protected void write(String... keysAndValues) {
    try {
      for (int i = 0; i < keysAndValues.length; i += 2) {
        Path file = temp.resolve(keysAndValues[i].substring(1) + ".json");
        if (keysAndValues[i + 1] == null) {
          Files.delete(file);
        } else {
          Files.createDirectories(file.getParent());
          Files.writeString(file, keysAndValues[i + 1]);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
