package io.weir.smoke;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A client library under {@link ClientContract}. Its application is {@code src/apps/client}, with
 * one class {@code Library implements Calls} in a folder of the row's.
 */
final class ClientRow extends Row<ClientRow> {
  /** An inbound side for the application: traffic colours begin there. */
  private static final String FRONT = "org.apache.tomcat.embed:tomcat-embed-core:9.0.123";

  private final List<String> blocking = new ArrayList<>();
  private final List<String> asynchronous = new ArrayList<>();
  private final String folder;
  private final Protocol protocol;

  /**
   * @param library as the coverage table shows it
   * @param folder in {@code src/apps}: the application's part for this library
   */
  ClientRow(String library, String folder, Protocol protocol) {
    super(library, "client");
    this.folder = folder;
    this.protocol = protocol;
  }

  @Override
  ClientRow self() {
    return this;
  }

  /** Ways in which the caller's thread waits for the answer. */
  ClientRow blocking(String... ways) {
    blocking.addAll(List.of(ways));
    return this;
  }

  /** Ways that call back. */
  ClientRow asynchronous(String... ways) {
    asynchronous.addAll(List.of(ways));
    return this;
  }

  List<String> blocking() {
    return blocking;
  }

  List<String> asynchronous() {
    return asynchronous;
  }

  List<String> ways() {
    return Stream.concat(blocking.stream(), asynchronous.stream()).toList();
  }

  Protocol protocol() {
    return protocol;
  }

  /** What the application calls. */
  Targets targets() {
    return protocol == Protocol.HTTP ? new HttpTargets() : new GrpcTargets();
  }

  /** The application of a cell, without agent. */
  Jvm.Builder application(Cell cell, Path trustStore) {
    String library = cell.classpath();
    String front = Maven.resolve(FRONT);
    String jars = library.isEmpty() ? front : library + File.pathSeparator + front;
    List<String> sources = new ArrayList<>(List.of("client", "client-front", folder));
    sources.addAll(cell.version().sources);
    String classes = Apps.compile(cell.jdk().version(), sources, jars, Map.of());
    return Jvm.of(cell.jdk(), Apps.with(classes, jars), "Driver")
        .options(
            "-Djavax.net.ssl.trustStore=" + trustStore,
            "-Djavax.net.ssl.trustStorePassword=" + Certificates.PASSWORD,
            "-Djavax.net.ssl.trustStoreType=PKCS12");
  }
}
