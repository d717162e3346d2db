package io.weir.bootstrap;

/** A {@link Skip} that says what the method returns; see {@link Bridge#instead}. */
public final class Instead extends Skip {
  final Object result;

  public Instead(Object result) {
    this.result = result;
  }
}
