package io.weir.engine.match;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class XxHashTest {
  /** Made by {@code printf %s TEXT | xxhsum -H64}, xxHash 0.8.1. */
  @ParameterizedTest
  @CsvSource({
    "'', ef46db3751d8e999",
    "a, d24ec4f1a98c6e5b",
    "abc, 44bc2cf5ad770999",
    "user-42, 397e9d3a76af7c81",
    "a-longer-user-id-of-more-than-thirty-two-bytes, c7fb0c0f1b14c795",
    "12345678901234567890123456789012, 40fd1aa52d98274c",
    "žluťoučký kůň 😀, 0daa9927267c8d4e"
  })
  void agreesWithTheReferenceProgram(String text, String hash) {
    assertThat(XxHash.hash(0, text)).isEqualTo(Long.parseUnsignedLong(hash, 16));
  }

  @Test
  void theRemainderIsUnsigned() {
    for (long h : new long[] {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 999_999, 1_000_000}) {
      assertThat(XxHash.modulo(h, 1_000_000)).isEqualTo(Long.remainderUnsigned(h, 1_000_000));
    }
  }
}
