package io.weir.smoke;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Applications under test: plain sources in {@code src/apps/NAME}, compiled against the very jars
 * they will run on. They know nothing of Weir.
 */
final class Apps {
  private static final Map<String, String> COMPILED = new ConcurrentHashMap<>();

  private Apps() {}

  /**
   * Compiles an application.
   *
   * @param replacements text to replace in the sources, such as {@code javax.servlet} by {@code
   *     jakarta.servlet}
   * @return the folder of its classes
   */
  static String compile(String name, String classpath, Map<String, String> replacements) {
    return compile(List.of(name), classpath, replacements);
  }

  /** As above, of several source folders taken together. */
  static String compile(List<String> names, String classpath, Map<String, String> replacements) {
    return compile(17, names, classpath, replacements);
  }

  /** As above, for an older Java: {@code release} is 8 for classes that run on Java 8. */
  static String compile(
      int release, List<String> names, String classpath, Map<String, String> replacements) {
    return COMPILED.computeIfAbsent(
        release + " " + names + classpath + replacements,
        key -> {
          try {
            Path out =
                Work.directory("apps/" + names.get(0) + "-" + Integer.toHexString(key.hashCode()));
            List<JavaFileObject> sources = new ArrayList<>();
            for (String name : names) {
              sources.addAll(sources(name, replacements));
            }
            if (release > Runtime.version().feature()) {
              return compileByTheNewest(release, names, sources, classpath, out);
            }
            JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
            StringWriter said = new StringWriter();
            if (!javac
                .getTask(
                    said,
                    null,
                    null,
                    List.of(
                        "-d",
                        out.toString(),
                        "-cp",
                        classpath,
                        "--release",
                        Integer.toString(release),
                        "-proc:none",
                        "-nowarn"),
                    null,
                    sources)
                .call()) {
              throw new IllegalStateException(names + " does not compile:\n" + said);
            }
            return out.toString();
          } catch (IOException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  /** For a release that this JVM's compiler does not know. */
  private static String compileByTheNewest(
      int release, List<String> names, List<JavaFileObject> sources, String classpath, Path out)
      throws IOException {
    Path folder = Work.fresh("sources");
    List<String> command =
        new ArrayList<>(
            List.of(
                Jdk.find(25).orElseThrow().home().resolve("bin/javac").toString(),
                "-J-XX:TieredStopAtLevel=1",
                "-J-XX:+UseSerialGC",
                "-d",
                out.toString(),
                "-cp",
                classpath,
                "--release",
                Integer.toString(release),
                "-proc:none",
                "-nowarn"));
    for (JavaFileObject source : sources) {
      Path file = folder.resolve(source.getName().substring(1));
      Files.createDirectories(file.getParent());
      Files.writeString(file, source.getCharContent(true));
      command.add(file.toString());
    }
    Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (p.waitFor() != 0) {
        throw new IllegalStateException(names + " does not compile:\n" + said);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    return out.toString();
  }

  /** Class path of a compiled application and the jars it runs on. */
  static String with(String classes, String jars) {
    return classes + File.pathSeparator + jars;
  }

  private static List<JavaFileObject> sources(String name, Map<String, String> replacements)
      throws IOException {
    Path root = Path.of(System.getProperty("weir.apps", "src/apps"), name);
    List<JavaFileObject> sources = new ArrayList<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path f : files.filter(p -> p.toString().endsWith(".java")).sorted().toList()) {
        String text = Files.readString(f);
        for (Map.Entry<String, String> r : replacements.entrySet()) {
          text = text.replace(r.getKey(), r.getValue());
        }
        String code = text;
        sources.add(
            new SimpleJavaFileObject(
                URI.create("string:///" + root.relativize(f).toString().replace('\\', '/')),
                JavaFileObject.Kind.SOURCE) {
              @Override
              public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return code;
              }
            });
      }
    }
    return sources;
  }
}
