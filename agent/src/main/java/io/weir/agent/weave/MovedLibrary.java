package io.weir.agent.weave;

import io.weir.bootstrap.Hook;
import io.weir.engine.gate.Engine;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.commons.ClassRemapper;
import net.bytebuddy.jar.asm.commons.Remapper;
import org.jspecify.annotations.Nullable;

/**
 * An adapter for a library that somebody has moved into packages of his own, as the OpenTelemetry
 * agent does with its API: the adapter's references are rewritten as it is loaded.
 */
public final class MovedLibrary {
  private MovedLibrary() {}

  /**
   * @param hook name of the adapter's class
   * @param library the loader that has the library; null for the boot loader
   * @param from package as the adapter knows it, with slashes, and a slash at its end
   * @param to where it is now, in the same spelling
   */
  public static Hook adapter(
      String hook, Engine engine, @Nullable ClassLoader library, String from, String to)
      throws ReflectiveOperationException {
    return (Hook)
        new AdapterLoader(
                library, MovedLibrary.class.getClassLoader(), bytes -> rewrite(bytes, from, to))
            .loadClass(hook)
            .getConstructor(Engine.class)
            .newInstance(engine);
  }

  private static byte[] rewrite(byte[] classFile, String from, String to) {
    ClassWriter out = new ClassWriter(0);
    new ClassReader(classFile)
        .accept(
            new ClassRemapper(
                out,
                new Remapper(Opcodes.ASM9) {
                  @Override
                  public String map(String name) {
                    return name.startsWith(from) ? to + name.substring(from.length()) : name;
                  }
                }),
            0);
    return out.toByteArray();
  }
}
