package io.weir.smoke;

import java.io.File;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** Brings artifacts with their dependencies, by the settings and local repository of Maven. */
final class Maven {
  private static final Map<String, String> RESOLVED = new ConcurrentHashMap<>();

  private Maven() {}

  /** A class path of the artifacts ({@code group:artifact[:type]:version}) and all they need. */
  static String resolve(String... coordinates) {
    if (coordinates.length == 0) {
      return ""; // a library of the JDK
    }
    return RESOLVED.computeIfAbsent(
        String.join(",", coordinates),
        c ->
            Arrays.stream(
                    org.jboss.shrinkwrap.resolver.api.maven.Maven.resolver()
                        .resolve(coordinates)
                        .withTransitivity()
                        .asFile())
                .map(File::getPath)
                .collect(Collectors.joining(File.pathSeparator)));
  }

  /** One artifact alone: {@code group:artifact:war:version}. */
  static File artifact(String coordinates) {
    return org.jboss.shrinkwrap.resolver.api.maven.Maven.resolver()
        .resolve(coordinates)
        .withoutTransitivity()
        .asSingleFile();
  }
}
