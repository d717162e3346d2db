package io.weir.smoke;

import java.io.File;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A server library under {@link ServerContract}. Its application is a main class in {@code
 * src/apps} that serves {@code src/apps/servlet}, or what that does in its own way.
 */
final class ServerRow extends Row<ServerRow> {
  /** A client for what the application calls itself, loaded as a war's. */
  private static final String CLIENT = "com.squareup.okhttp3:okhttp:3.14.9";

  private final String main;
  private final Protocol protocol;
  private final List<String> options = new ArrayList<>();
  private final List<String> common = new ArrayList<>();
  private final Map<Version, Map<String, String>> replacements = new LinkedHashMap<>();

  /**
   * @param library as the coverage table shows it
   * @param main class of the application
   */
  ServerRow(String library, Protocol protocol, String main) {
    super(library, "server");
    this.protocol = protocol;
    this.main = main;
  }

  @Override
  ServerRow self() {
    return this;
  }

  Protocol protocol() {
    return protocol;
  }

  /** Folders of {@code src/apps} for every version. */
  ServerRow application(String... folders) {
    common.addAll(List.of(folders));
    return this;
  }

  /** Of the application's JVM. */
  ServerRow option(String option) {
    options.add(option);
    return this;
  }

  /** Text of the sources that reads otherwise for the version just added. */
  ServerRow replacing(String text, String by) {
    replacements
        .computeIfAbsent(versions().get(versions().size() - 1), v -> new LinkedHashMap<>())
        .put(text, by);
    return this;
  }

  /** The version just added has {@code jakarta.servlet}. */
  ServerRow jakarta() {
    return replacing("javax.servlet", "jakarta.servlet")
        .replacing("javax.websocket", "jakarta.websocket");
  }

  /** The application of a cell, without agent. */
  Jvm.Builder application(Cell cell, Certificates certificates) {
    String jars = cell.classpath();
    Map<String, String> replaced = replacements.getOrDefault(cell.version(), Map.of());
    List<String> sources = new ArrayList<>(common);
    sources.addAll(cell.version().sources);
    int release = cell.jdk().version();
    String classes = Apps.compile(release, sources, jars, replaced);
    Jvm.Builder jvm =
        Jvm.of(cell.jdk(), Apps.with(classes, jars), main).options(options.toArray(new String[0]));
    if (protocol == Protocol.HTTP) {
      String client = Maven.resolve(CLIENT);
      String war =
          Apps.compile(
              release, List.of("server-more-war"), jars + File.pathSeparator + client, replaced);
      jvm.options("-Dsite.war=" + Apps.with(war, client), "-Dsite.keys=" + certificates.store());
      if (release > 17) {
        jvm.arguments("filter"); // before the servlets: both ways in are proven
      }
    } else {
      jvm.arguments("a");
    }
    return jvm;
  }

  /** Calls the application. */
  ServerCaller caller(Jvm jvm, Certificates certificates) {
    return protocol == Protocol.HTTP ? new HttpCaller(jvm, certificates) : new GrpcCaller(jvm);
  }
}
