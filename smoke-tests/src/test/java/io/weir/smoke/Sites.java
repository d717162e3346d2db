package io.weir.smoke;

import java.util.List;
import java.util.Map;

/** Starts the web application of {@code src/apps/servlet} in the container of a matrix row. */
final class Sites {
  private static final Map<String, String> JAKARTA =
      Map.of("javax.servlet", "jakarta.servlet", "jetty.ee10", "jetty.ee11");

  private Sites() {}

  /** The command line, without agent. */
  static Jvm.Builder jvm(Matrix.Cell cell, String... arguments) {
    String name = cell.name();
    String jars = cell.classpath();
    boolean boot = name.startsWith("boot");
    // the container's own version tells its name space: the jars have one of the two APIs
    boolean jakarta =
        !(name.matches("tomcat-[89]\\..*|jetty-(9|10)\\..*|undertow-2\\.2|boot-2\\..*")
            || name.endsWith("ee8"));
    String app =
        boot
            ? "boot"
            : name.endsWith("ee8")
                ? "jetty12-ee8"
                : name.startsWith("jetty-12") ? "jetty12-ee10" : name.split("-")[0];
    String main = boot ? "boot.BootMain" : capital(name.split("-")[0]) + "Main";
    Map<String, String> replacements =
        !jakarta
            ? Map.of()
            : name.endsWith("ee11") ? JAKARTA : Map.of("javax.servlet", "jakarta.servlet");
    String classes =
        Apps.compile(boot ? List.of(app) : List.of(app, "servlet"), jars, replacements);
    return Jvm.of(cell.jdk(), Apps.with(classes, jars), main).arguments(arguments);
  }

  private static String capital(String s) {
    return Character.toUpperCase(s.charAt(0)) + s.substring(1);
  }
}
