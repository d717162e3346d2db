package io.weir.instrumentation;

/**
 * A type instrumentation whose classes are known by name. Our host then looks a loaded class up in
 * one table and does not even load the weaver until such a class appears.
 */
public interface WovenTypes {
  /** Binary names of the classes; those that do not exist in an application cost nothing. */
  String[] typeNames();
}
