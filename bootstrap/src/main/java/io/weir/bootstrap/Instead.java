package io.weir.bootstrap;

import org.jspecify.annotations.Nullable;

/** A {@link Skip} that says what the method returns or throws; see {@link Bridge#instead}. */
public final class Instead extends Skip {
  final @Nullable Object result;
  final @Nullable Throwable thrown;

  public Instead(Object result) {
    this(result, null);
  }

  private Instead(@Nullable Object result, @Nullable Throwable thrown) {
    this.result = result;
    this.thrown = thrown;
  }

  /**
   * The method throws; only advice without {@code suppress} at its end lets it.
   *
   * @param thrown what the method may throw
   */
  public static Instead throwing(Throwable thrown) {
    return new Instead(null, thrown);
  }
}
