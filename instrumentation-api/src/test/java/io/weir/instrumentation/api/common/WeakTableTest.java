package io.weir.instrumentation.api.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class WeakTableTest {
  private final List<String> lost = Collections.synchronizedList(new ArrayList<>());
  private final WeakTable<Object, String> table = new WeakTable<>(2, lost::add);

  @Test
  void keysAreTheVeryObjects() {
    String a = new String("same");
    String b = new String("same");
    assertThat(table.put(a, "a")).isTrue();
    assertThat(table.get(a)).isEqualTo("a");
    assertThat(table.get(b)).isNull();
    table.remove(b);
    assertThat(table.get(a)).isEqualTo("a");
    table.put(a, "again");
    assertThat(table.get(a)).isEqualTo("again");
    table.remove(a);
    assertThat(table.get(a)).isNull();
  }

  @Test
  void itHoldsNoMoreThanItIsAllowedTo() {
    Object a = new Object();
    Object b = new Object();
    Object c = new Object();
    assertThat(table.put(a, "a") && table.put(b, "b")).isTrue();
    assertThat(table.put(c, "c")).isFalse();
    assertThat(table.get(c)).isNull();
    table.remove(a);
    assertThat(table.put(c, "c")).isTrue();
    assertThat(table.get(b)).isEqualTo("b");
  }

  @Test
  void valuesOfCollectedKeysAreToldOnce() {
    Object kept = new Object();
    table.put(kept, "kept");
    table.put(new Object(), "gone");
    for (int i = 0; i < 1000 && lost.isEmpty(); i++) {
      System.gc();
      table.sweep();
    }
    table.sweep();
    assertThat(lost).containsExactly("gone");
    assertThat(table.get(kept)).isEqualTo("kept");
  }
}
