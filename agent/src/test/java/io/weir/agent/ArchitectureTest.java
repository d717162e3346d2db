package io.weir.agent;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.io.FileDescriptor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rules of docs/architecture.md, as far as a machine can hold us to them. */
class ArchitectureTest {
  private static JavaClasses weir;

  @BeforeAll
  static void read() {
    weir =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.weir");
  }

  @Test
  void theBridgeDependsOnNothing() {
    check(
        classes()
            .that()
            .resideInAPackage("io.weir.bootstrap..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                "io.weir.bootstrap..",
                "java.lang..",
                "java.util..",
                "java.nio")); // java.lang.ClassLoader itself knows its buffers
  }

  @Test
  void theEngineDecidesAndDoesNothingElse() {
    check(
        classes()
            .that()
            .resideInAPackage("io.weir.engine..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                "io.weir.engine..",
                "io.weir.bootstrap..",
                "java.lang..",
                "java.util..",
                "java.nio.charset..",
                "java.math..",
                // the seed of the key hash: callers must not be able to aim collisions
                "java.security..",
                // counts latencies without allocating
                "org.HdrHistogram..",
                "com.google.re2j.."));
  }

  @Test
  void theEngineReadsNoClockButTheTicker() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.engine..")
            .and()
            .haveNameNotMatching("io\\.weir\\.engine\\.call\\.Ticker.*")
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(Thread.class)
            .orShould()
            .dependOnClassesThat()
            .haveNameMatching("java\\.util\\.concurrent\\..*Execut.*"));
  }

  @Test
  void etcdIsKnownInOnePackage() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.weir.control.etcd..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.etcd..", "io.vertx.."));
  }

  @Test
  void jacksonIsKnownToParsersAndTheCommandLineOnly() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.weir.control.parse..", "io.weir.agent.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.fasterxml.jackson.."));
  }

  @Test
  void byteBuddyIsKnownWhereWeavingHappens() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.weir.agent.weave..", "io.weir.instrumentation..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("net.bytebuddy.."));
  }

  @Test
  void dependenciesPointDownwards() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.engine..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.weir.control..", "io.weir.agent..", "io.weir.instrumentation.."));
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.control..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.weir.agent..", "io.weir.instrumentation.."));
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.instrumentation..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.weir.control..", "io.weir.agent.."));
  }

  @Test
  void noInstrumentationKnowsAnother() {
    check(
        slices()
            .matching("io.weir.instrumentation.(*)..")
            .should()
            .notDependOnEachOther()
            .ignoreDependency(
                DescribedPredicate.alwaysTrue(),
                HasName.Predicates.nameMatching("io\\.weir\\.instrumentation\\.api\\..*")));
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.instrumentation.api..")
            .should()
            .dependOnClassesThat()
            .resideOutsideOfPackages(
                "io.weir.instrumentation.api..",
                "io.weir.bootstrap..",
                "io.weir.engine..",
                "java..",
                "javax.net..",
                "org.jspecify..")
            .allowEmptyShould(true));
  }

  @Test
  void instrumentationsSeeDecisionsAndOutcomesAndNotWhatIsBehindThem() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.instrumentation..")
            .should()
            .dependOnClassesThat(
                resideInAPackage("io.weir.engine..")
                    .and(
                        DescribedPredicate.not(
                            resideInAnyPackage(
                                "io.weir.engine.gate..",
                                "io.weir.engine.call..",
                                "io.weir.engine.outcome..",
                                "io.weir.engine.instances..",
                                // what an exporter of metrics reads
                                "io.weir.engine.measure..")))));
  }

  @Test
  void noPackageCycles() {
    check(slices().matching("io.weir.(**)").should().beFreeOfCycles());
  }

  @Test
  void ofOpenTelemetryOnlyTheStableExtensionTypesAreUsed() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.weir.instrumentation..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.opentelemetry.javaagent.bootstrap..",
                "io.opentelemetry.javaagent.extension.matcher..",
                "io.opentelemetry.javaagent.tooling.."));
  }

  /**
   * A stream whose reader has stopped blocks its writer: the log is written by threads that have
   * nothing else to do. The command line is a program of its own and has streams of its own.
   */
  @Test
  void onlyTheLogsWritersTouchTheProcesssStreams() {
    DescribedPredicate<HasName> writers =
        HasName.Predicates.nameMatching(
            "io\\.weir\\.agent\\.(log\\.LogWriter.*|StderrLine|cli\\.Cli)");
    check(
        noClasses()
            .that(DescribedPredicate.not(writers))
            .should()
            .accessField(System.class, "err")
            .orShould()
            .accessField(System.class, "out")
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(FileDescriptor.class)
            .orShould()
            .callMethod(Throwable.class, "printStackTrace"));
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.weir.agent.cli..", "io.weir.agent.log..", "io.weir.agent")
            .should()
            .dependOnClassesThat()
            .areAssignableTo(java.io.PrintStream.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(java.io.FileOutputStream.class));
  }

  private static void check(ArchRule rule) {
    rule.check(weir);
  }
}
