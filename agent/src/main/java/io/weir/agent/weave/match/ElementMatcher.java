package io.weir.agent.weave.match;

/**
 * Stands for {@code net.bytebuddy.matcher.ElementMatcher} in weir.jar, where references to it are
 * rewritten when the jar is made. Asked about an {@link Element}, whatever its type argument says.
 */
public interface ElementMatcher<T> {
  boolean matches(T target);

  /** One that can be combined. */
  interface Junction<S> extends ElementMatcher<S> {
    default <U extends S> Junction<U> and(ElementMatcher<? super U> other) {
      return new ElementMatchers.Both<U>(this, other, true);
    }

    default <U extends S> Junction<U> or(ElementMatcher<? super U> other) {
      return new ElementMatchers.Both<U>(this, other, false);
    }
  }
}
