package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The page of instrumentations says what the contracts' rows say. */
class CoverageTableTest {
  /** With {@code -Dweir.coverage.record=true} it writes what is missing. */
  @Test
  void theCoverageTableHasEveryRowAndEveryPromiseThatCannotBeKept() throws IOException {
    String page = Files.readString(CoverageTable.PAGE);
    Map<String, String> results = CoverageTable.recorded(page);
    if (Boolean.getBoolean("weir.coverage.record")) {
      if (Files.exists(CoverageTable.CELLS)) {
        results.putAll(
            CoverageTable.ran(
                Files.readAllLines(CoverageTable.CELLS), LocalDate.now(ZoneOffset.UTC).toString()));
      }
      page = CoverageTable.page(page, results);
      Files.writeString(CoverageTable.PAGE, page);
    }
    // for ./verify, which tells how many are left
    Files.write(Path.of("target/cells-all.txt"), CoverageTable.cells());
    assertThat(CoverageTable.page(page, results))
        .as("run smoke-tests/matrix --table, which writes the rows into the page")
        .isEqualTo(page);
  }

  @Test
  void resultsAreReadAndWrittenAsTheyAre() {
    List<String> cells = CoverageTable.cells();
    assertThat(cells).contains("OkHttp 3.3.1 on JDK 8").doesNotHaveDuplicates();
    Map<String, String> ran =
        CoverageTable.ran(
            List.of("OkHttp 3.3.1 on JDK 8 | 20 kept | 1 broken | 5 cannot | 12.3 s"),
            "2026-11-30");
    assertThat(ran).containsExactly(Map.entry("OkHttp 3.3.1 on JDK 8", "2026-11-30: 20 of 21"));
    String page =
        "before\n<!-- coverage table: smoke-tests/matrix writes it -->\n\n"
            + "<!-- end of the coverage table -->\nafter\n";
    String written = CoverageTable.page(page, ran);
    assertThat(written).startsWith("before\n").endsWith("\nafter\n");
    assertThat(CoverageTable.recorded(written))
        .containsEntry("OkHttp 3.3.1 on JDK 8", "2026-11-30: 20 of 21")
        .containsEntry("OkHttp 3.3.1 on JDK 25", "not run");
    assertThat(CoverageTable.page(written, CoverageTable.recorded(written))).isEqualTo(written);
  }
}
