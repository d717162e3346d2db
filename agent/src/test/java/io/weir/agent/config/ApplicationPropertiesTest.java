package io.weir.agent.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The name and the management port, where applications have them. */
class ApplicationPropertiesTest {
  @TempDir Path directory;
  private final Properties system = new Properties();
  private final Map<String, String> environment = new LinkedHashMap<>();

  private Config load() {
    return Config.load(
        null,
        directory.toFile(),
        system,
        environment,
        () -> ApplicationProperties.find(system, environment, directory.toFile()));
  }

  private void is(String service, String origin) {
    Config c = load();
    assertThat(c.get(PropertyKey.SERVICE)).isEqualTo(service);
    assertThat(c.origin("weir.service")).contains(origin);
  }

  private Path jar(String... files) throws IOException {
    Path jar = directory.resolve("app.jar");
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (int i = 0; i < files.length; i += 2) {
        zip.putNextEntry(new ZipEntry(files[i]));
        zip.write(files[i + 1].getBytes(StandardCharsets.UTF_8));
      }
    }
    system.setProperty("java.class.path", jar.toString());
    return jar;
  }

  @Test
  void theNameIsFoundInABootJar() throws IOException {
    jar(
        "META-INF/MANIFEST.MF",
        "Manifest-Version: 1.0\nImplementation-Title: demo\n\n",
        "BOOT-INF/classes/application.yml",
        "# shop\n"
            + "server:\n"
            + "  port: 8080\n\n"
            + "spring:\n"
            + "  application:\n"
            + "    name: 'order-service' # it\n");
    is("order-service", "BOOT-INF/classes/application.yml in ");
  }

  @Test
  void theManifestNamesAJarThatSaysNothingElse() throws IOException {
    jar("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nImplementation-Title: demo\n\n");
    is("demo", "Implementation-Title");
    jar("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nImplementation-Title: A Demo\n\n");
    assertThat(load().named()).isFalse();
  }

  @Test
  void whatStandsBesideTheJarComesBeforeWhatIsInItAndTheCommandLineBeforeBoth() throws IOException {
    jar("BOOT-INF/classes/application.properties", "spring.application.name=inside\n");
    is("inside", "application.properties");
    Files.writeString(directory.resolve("application.yaml"), "spring.application.name: beside\n");
    is("beside", directory.toString());
    Files.createDirectories(directory.resolve("config"));
    Files.writeString(
        directory.resolve("config/application.properties"), "spring.application.name = config\n");
    is("config", "config");
    system.setProperty("sun.java.command", "app.jar --spring.application.name=told --x=y");
    is("told", "argument --spring.application.name");
    system.setProperty("weir.service", "set");
    is("set", "-Dweir.service");
  }

  @Test
  void placeholdersAreFilledAndWhatABuildLeftBehindIsNoName() throws IOException {
    jar("BOOT-INF/classes/application.properties", "spring.application.name=${APP:shop}-${X:1}\n");
    is("shop-1", "application.properties");
    environment.put("APP", "web");
    is("web-1", "application.properties");
    jar("BOOT-INF/classes/application.properties", "spring.application.name=@project.name@\n");
    assertThat(load().named()).isFalse();
    jar("BOOT-INF/classes/application.properties", "spring.application.name=${NOBODY_SETS}\n");
    assertThat(load().named()).isFalse();
  }

  @Test
  void ofSeveralYamlDocumentsTheFirstCounts() throws IOException {
    jar(
        "BOOT-INF/classes/application.yml",
        "---\nspring:\n  profiles: {active: x}\n  application.name: one\n---\nspring:\n"
            + "  application:\n    name: two\n");
    is("one", "application.yml");
  }

  @Test
  void aDirectoryOnTheClassPathIsLookedIntoAndTheOneWarOfTomcatNamesIt() throws IOException {
    Path classes = Files.createDirectories(directory.resolve("classes"));
    Files.writeString(
        classes.resolve("bootstrap.yml"), "spring:\n  application:\n    name: cloud\n");
    system.setProperty("java.class.path", "lib/none.jar:" + classes);
    is("cloud", "bootstrap.yml");
    system.setProperty("java.class.path", "bin/bootstrap.jar:bin/tomcat-juli.jar");
    system.setProperty("catalina.base", directory.toString());
    Files.createDirectories(directory.resolve("webapps/docs/WEB-INF"));
    Files.createDirectories(directory.resolve("webapps/orders/WEB-INF"));
    Files.writeString(directory.resolve("webapps/orders.war"), "");
    is("orders", "webapps");
    Files.writeString(directory.resolve("webapps/stock##2.war"), "");
    assertThat(load().named()).as("two applications are no name").isFalse();
  }

  @Test
  void aManagementPortOfItsOwnIsKnownAndOneThatIsTheServersIsNone() throws IOException {
    jar("BOOT-INF/classes/application.yml", "management:\n  server:\n    port: 9001\n");
    assertThat(load().ports(PropertyKey.MANAGEMENT_PORTS)).containsExactly(9001);
    assertThat(load().origin("weir.management.ports")).contains("application.yml");
    environment.put("SERVER_PORT", "9001");
    assertThat(load().ports(PropertyKey.MANAGEMENT_PORTS)).isEmpty();
    environment.put("MANAGEMENT_SERVER_PORT", "-1");
    assertThat(load().ports(PropertyKey.MANAGEMENT_PORTS)).isEmpty();
    system.setProperty("weir.management.ports", "7001,7002");
    assertThat(load().ports(PropertyKey.MANAGEMENT_PORTS)).containsExactly(7001, 7002);
  }

  @Test
  void whatCannotBeReadSaysNothing() throws IOException {
    Files.write(directory.resolve("app.jar"), new byte[] {1, 2, 3});
    system.setProperty("java.class.path", directory.resolve("app.jar").toString());
    Files.write(directory.resolve("application.yml"), new byte[300_000]);
    Files.writeString(directory.resolve("application.properties"), "a=\\uZZZZ\n");
    assertThat(load().named()).isFalse();
    assertThat(load().warnings()).isEmpty();
  }

  private void infrastructureIs(String... addresses) {
    assertThat(load().get(PropertyKey.INFRASTRUCTURE)).isEqualTo(String.join(",", addresses));
  }

  @Test
  void exportersAndRegistriesAreFoundInEverySpellingOfTheirSettings() throws IOException {
    assertThat(load().get(PropertyKey.INFRASTRUCTURE)).isNull();
    environment.put("OTEL_EXPORTER_OTLP_ENDPOINT", "http://Collector:4318");
    environment.put(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:secret@t.example/v1/traces");
    environment.put("SW_AGENT_COLLECTOR_BACKEND_SERVICES", "oap-1:11800,oap-2:11800");
    infrastructureIs("collector:4318", "oap-1:11800", "oap-2:11800", "t.example:443");

    environment.clear();
    environment.put(
        "EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "http://e1:8761/eureka,http://e2/eureka");
    infrastructureIs("e1:8761", "e2:80");
    environment.clear();
    jar(
        "BOOT-INF/classes/application.yml",
        "eureka:\n"
            + "  client:\n"
            + "    service-url:\n"
            + "      default-zone: ${EUREKA:http://e3:8761/eureka}\n"
            + "spring:\n"
            + "  config:\n"
            + "    import: optional:configserver:http://conf:8888\n"
            + "  cloud:\n"
            + "    consul:\n"
            + "      host: agent\n"
            + "    nacos:\n"
            + "      discovery:\n"
            + "        server-addr: n1:8848,n2\n");
    infrastructureIs(
        "agent:8500", "conf:8888", "e3:8761", "n1:8848", "n1:9848", "n2:8848", "n2:9848");
    environment.put("EUREKA", "http://[fd00::1]:8761/eureka/");
    system.setProperty("spring.cloud.consul.port", "8501");
    system.setProperty("spring.cloud.nacos.discovery.serverAddr", "");
    infrastructureIs("[fd00::1]:8761", "agent:8501", "conf:8888");
  }

  @Test
  void whatIsNoAddressIsNotOneAndGivenOnesStandBesideFoundOnes() {
    for (String none :
        new String[] {"", "${A}", "http://", "http://a b/", "c:x", "http://c:0", "c"}) {
      system.setProperty("otel.exporter.otlp.endpoint", none);
      assertThat(load().get(PropertyKey.INFRASTRUCTURE)).as(none).isNull();
    }
    StringBuilder many = new StringBuilder("a:1");
    for (int i = 0; i < 10_000; i++) {
      many.append(",h").append(i).append(":80");
    }
    system.setProperty("otel.exporter.otlp.endpoint", many.toString());
    assertThat(load().get(PropertyKey.INFRASTRUCTURE).split(","))
        .hasSize(InfrastructureSettings.MOST);
    system.setProperty("otel.exporter.otlp.endpoint", "dns:///c:4317");
    system.setProperty("weir.infrastructure", "push:9091");
    infrastructureIs("push:9091", "c:4317");
  }
}
