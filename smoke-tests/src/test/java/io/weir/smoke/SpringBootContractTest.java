package io.weir.smoke;

/** Spring Boot's web applications keep the contract of servers, on the Tomcat they come with. */
class SpringBootContractTest extends ServerContract {
  @Override
  ServerRow row() {
    return new ServerRow("Spring Boot", Protocol.HTTP, "boot.BootMain")
        .application("boot", "server-boot", "server-more")
        .option("-Dserver.http2.enabled=true")
        .cannot(
            "aWebSocketGivesItsPlaceBackAtTheUpgradeAndGoesOn", "not asked: Tomcat's row shows it")
        .cannot("requestsByTlsAreGovernedLikeOthers", "has one connector: Tomcat's row shows it")
        .cannot(
            "twoWarsInOneServerAreGovernedByOneRuleAndCallEachByItsOwnClient", "is one application")
        .version("2.7.18", 8, "org.springframework.boot:spring-boot-starter-web:2.7.18")
        .version("3.5.16", 17, "org.springframework.boot:spring-boot-starter-web:3.5.16")
        .jakarta()
        .everyTimeOn(17)
        .version("4.1.2", 17, "org.springframework.boot:spring-boot-starter-web:4.1.2")
        .jakarta();
  }
}
