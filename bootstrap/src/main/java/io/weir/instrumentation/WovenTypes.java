package io.weir.instrumentation;

import io.opentelemetry.javaagent.extension.instrumentation.TypeInstrumentation;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.matcher.ElementMatcher;
import net.bytebuddy.matcher.ElementMatchers;

/**
 * A type instrumentation whose classes are known by name. The host looks a loaded class up in one
 * table and does not even load the weaver until such a class appears.
 */
public interface WovenTypes extends TypeInstrumentation {
  /** Binary names of the classes; those that do not exist in an application cost nothing. */
  String[] typeNames();

  /**
   * Asked about classes of {@link #typeNames} only. One that overrides it chooses among them, for
   * example by the fields that a class declares.
   */
  @Override
  default ElementMatcher<TypeDescription> typeMatcher() {
    return ElementMatchers.namedOneOf(typeNames());
  }
}
