package io.weir.agent.weave.match;

import net.bytebuddy.jar.asm.Opcodes;

/**
 * Byte Buddy's matchers, as far as instrumentations ask with them: stands for {@code
 * net.bytebuddy.matcher.ElementMatchers} in weir.jar. The original answers from a model of types
 * that takes several hundred classes to build; these answer from names and modifiers ({@link
 * Element}), and what more an instrumentation asks is missing here when the jar is tested.
 */
public final class ElementMatchers {
  private ElementMatchers() {}

  public static <T> ElementMatcher.Junction<T> named(String name) {
    return new Name<T>(name, false);
  }

  public static <T> ElementMatcher.Junction<T> nameEndsWith(String end) {
    return new Name<T>(end, true);
  }

  public static <T> ElementMatcher.Junction<T> namedOneOf(String... names) {
    ElementMatcher.Junction<T> any = named(names[0]);
    for (int i = 1; i < names.length; i++) {
      any = any.or(ElementMatchers.<T>named(names[i]));
    }
    return any;
  }

  public static <T> ElementMatcher.Junction<T> isConstructor() {
    return named("<init>");
  }

  public static <T> ElementMatcher.Junction<T> isPublic() {
    return new Modifier<T>(Opcodes.ACC_PUBLIC);
  }

  public static <T> ElementMatcher.Junction<T> isStatic() {
    return new Modifier<T>(Opcodes.ACC_STATIC);
  }

  public static <T> ElementMatcher.Junction<T> isBridge() {
    return new Modifier<T>(Opcodes.ACC_BRIDGE);
  }

  public static <T> ElementMatcher.Junction<T> takesNoArguments() {
    return takesArguments(0);
  }

  public static <T> ElementMatcher.Junction<T> takesArguments(int count) {
    return new Count<T>(count);
  }

  public static <T> ElementMatcher.Junction<T> takesArgument(int index, Class<?> type) {
    return takesArgument(index, ElementMatchers.<Object>named(type.getName()));
  }

  public static <T> ElementMatcher.Junction<T> takesArgument(int index, ElementMatcher<?> type) {
    return new Part<T>(index, type);
  }

  public static <T> ElementMatcher.Junction<T> returns(ElementMatcher<?> type) {
    return new Part<T>(Part.RESULT, type);
  }

  public static <T> ElementMatcher.Junction<T> declaresField(ElementMatcher<?> field) {
    return new Part<T>(Part.ANY_FIELD, field);
  }

  public static <T> ElementMatcher.Junction<T> not(ElementMatcher<? super T> matcher) {
    return new Not<T>(matcher);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static boolean ask(ElementMatcher<?> matcher, Object element) {
    return ((ElementMatcher) matcher).matches(element);
  }

  private static final class Name<T> implements ElementMatcher.Junction<T> {
    private final String name;
    private final boolean end;

    Name(String name, boolean end) {
      this.name = name;
      this.end = end;
    }

    @Override
    public boolean matches(T target) {
      String n = ((Element) target).name;
      return end ? n.endsWith(name) : n.equals(name);
    }
  }

  private static final class Modifier<T> implements ElementMatcher.Junction<T> {
    private final int bit;

    Modifier(int bit) {
      this.bit = bit;
    }

    @Override
    public boolean matches(T target) {
      return (((Element) target).access & bit) != 0;
    }
  }

  private static final class Count<T> implements ElementMatcher.Junction<T> {
    private final int count;

    Count(int count) {
      this.count = count;
    }

    @Override
    public boolean matches(T target) {
      return ((Element) target).parameters.length == count;
    }
  }

  private static final class Part<T> implements ElementMatcher.Junction<T> {
    static final int RESULT = -1;
    static final int ANY_FIELD = -2;

    private final int index;
    private final ElementMatcher<?> matcher;

    Part(int index, ElementMatcher<?> matcher) {
      this.index = index;
      this.matcher = matcher;
    }

    @Override
    public boolean matches(T target) {
      Element e = (Element) target;
      if (index == RESULT) {
        return ask(matcher, Element.type(e.result));
      }
      if (index >= 0) {
        return index < e.parameters.length && ask(matcher, Element.type(e.parameters[index]));
      }
      for (String field : e.fields) {
        if (ask(matcher, Element.type(field))) {
          return true;
        }
      }
      return false;
    }
  }

  static final class Both<T> implements ElementMatcher.Junction<T> {
    private final ElementMatcher<?> one;
    private final ElementMatcher<?> other;
    private final boolean and;

    Both(ElementMatcher<?> one, ElementMatcher<?> other, boolean and) {
      this.one = one;
      this.other = other;
      this.and = and;
    }

    @Override
    public boolean matches(T target) {
      return and ? ask(one, target) && ask(other, target) : ask(one, target) || ask(other, target);
    }
  }

  private static final class Not<T> implements ElementMatcher.Junction<T> {
    private final ElementMatcher<?> matcher;

    Not(ElementMatcher<?> matcher) {
      this.matcher = matcher;
    }

    @Override
    public boolean matches(T target) {
      return !ask(matcher, target);
    }
  }
}
