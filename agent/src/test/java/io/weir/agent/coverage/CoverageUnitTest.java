package io.weir.agent.coverage;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.agent.modules.Modules;
import io.weir.control.loop.Log;
import io.weir.instrumentation.Library;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is told of loaded libraries, given what is loaded. */
class CoverageUnitTest {
  private final List<String> warned = new ArrayList<>();
  private final Log log =
      new Log() {
        @Override
        public void info(String line) {}

        @Override
        public void warn(String line) {
          warned.add(line);
        }
      };

  private final Libraries libraries =
      new Libraries(
          Modules.read(
                  CoverageUnitTest.class.getClassLoader(),
                  bad -> {
                    throw new AssertionError(bad);
                  })
              .covered());
  private final Coverage coverage = new Coverage(libraries, "urlconnection"::equals, l -> false);

  /** Loaded classes come from here; the class files are those of the JDK. */
  private static Instrumentation loaded(Class<?>... classes) {
    return (Instrumentation)
        Proxy.newProxyInstance(
            CoverageUnitTest.class.getClassLoader(),
            new Class<?>[] {Instrumentation.class},
            (proxy, method, args) -> classes);
  }

  private static Class<?> named(String name) throws ClassNotFoundException {
    return Class.forName(name, false, null);
  }

  @Test
  void aClientOfTheJdkIsToldOnce() throws Exception {
    Class<?> client = named("sun.net.www.protocol.http.HttpURLConnection");
    assertThat(coverage.look(loaded(client), log)).isTrue();
    assertThat(coverage.look(loaded(client), log)).isFalse();
    assertThat(warned).singleElement().asString().contains("HttpURLConnection of Java");
    assertThat(coverage.toJson()).contains("\"governed\":false,\"why\":");
  }

  /** It is loaded to be woven, whether or not the application uses it. */
  @Test
  void aGovernedClientOfTheJdkIsToldOnceItIsUsed() throws Exception {
    Class<?> client = named("sun.net.www.protocol.http.HttpURLConnection");
    Coverage governs = new Coverage(libraries, m -> false, l -> false);
    assertThat(governs.look(loaded(client), log)).isFalse();
    governs.used(client.getName());
    assertThat(governs.look(loaded(client), log)).isTrue();
    assertThat(governs.toJson()).contains("\"governed\":true,\"used\":true");
    assertThat(warned).isEmpty();
  }

  @Test
  void classesOfAgentsAreNotTheApplications() throws Exception {
    Coverage blind = new Coverage(libraries, m -> false, l -> true);
    blind.look(loaded(named("sun.net.www.protocol.http.HttpURLConnection")), log);
    assertThat(blind.findings()).isEmpty();
  }

  @Test
  void nothingLoadedIsAnEmptyArray() {
    assertThat(coverage.look(loaded(), log)).isFalse();
    assertThat(coverage.toJson()).isEqualTo("[]");
  }

  @Test
  void extensionsThatAreLeftOutAreToldBesideTheLibraries() throws Exception {
    coverage.leftOut("a.jar", "it is \"bad\"");
    coverage.leftOut("b.jar", "worse");
    String both =
        "{\"extension\":\"a.jar\",\"why\":\"it is"
            + " \\\"bad\\\"\"},{\"extension\":\"b.jar\",\"why\":\"worse\"}";
    assertThat(coverage.look(loaded(), log)).isTrue();
    assertThat(coverage.look(loaded(), log)).isFalse();
    assertThat(coverage.toJson()).isEqualTo("[" + both + "]");
    coverage.look(loaded(named("sun.net.www.protocol.http.HttpURLConnection")), log);
    assertThat(coverage.toJson()).startsWith("[{\"library\":").endsWith("}," + both + "]");
  }

  @Test
  void versionsAreReadOffFileNames() {
    assertThat(Coverage.inFileName("file:/a/okhttp-4.12.0.jar")).isEqualTo("4.12.0");
    assertThat(Coverage.inFileName("jar:file:/a-1/app.jar!/BOOT-INF/lib/spring-web-5.3.39.jar!/"))
        .isEqualTo("5.3.39");
    assertThat(Coverage.inFileName("file:/a/netty-codec-http-4.1.135.Final.jar"))
        .isEqualTo("4.1.135.Final");
    for (String none : List.of("", "file:/classes/", "file:/a-1/app.jar", "null", "file:/x-.jar")) {
      assertThat(Coverage.inFileName(none)).as(none).isNull();
    }
  }

  @Test
  void everyKnownLibraryHasEntryClassesOfItsOwnPrefix() {
    assertThat(libraries.all()).filteredOn(l -> l.module != null).hasSizeGreaterThan(5);
    for (Library l : libraries.all()) {
      assertThat(l.classes).as(l.name).isNotEmpty().allMatch(c -> l.has(c) || !l.below.isEmpty());
      for (String c : l.classes) {
        assertThat(libraries.ofEntryClass(c)).isSameAs(l);
      }
    }
  }
}
