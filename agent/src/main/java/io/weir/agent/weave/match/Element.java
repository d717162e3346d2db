package io.weir.agent.weave.match;

import java.util.Collection;
import java.util.Collections;
import net.bytebuddy.jar.asm.Type;

/** What a matcher is asked about: a class, a method or a type, by names and modifiers alone. */
public final class Element {
  private static final String[] NONE = {};

  final String name;
  final int access;
  final String[] parameters;
  final String result;
  final Collection<String> fields;

  private Element(
      String name, int access, String[] parameters, String result, Collection<String> fields) {
    this.name = name;
    this.access = access;
    this.parameters = parameters;
    this.result = result;
    this.fields = fields;
  }

  /** A type of which only the name matters. */
  static Element type(String name) {
    return type(name, Collections.<String>emptyList());
  }

  /**
   * @param name with dots
   * @param fields names of those it declares
   */
  public static Element type(String name, Collection<String> fields) {
    return new Element(name, 0, NONE, "", fields);
  }

  /** A method, or a constructor by its name {@code <init>}, as a class file has it. */
  public static Element method(int access, String name, String descriptor) {
    Type[] types = Type.getArgumentTypes(descriptor);
    String[] parameters = new String[types.length];
    for (int i = 0; i < types.length; i++) {
      parameters[i] = types[i].getClassName();
    }
    return new Element(
        name,
        access,
        parameters,
        Type.getReturnType(descriptor).getClassName(),
        Collections.<String>emptyList());
  }
}
