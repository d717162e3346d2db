package io.weir.smoke;

/** Undertow keeps the contract of servers. */
class UndertowContractTest extends ServerContract {
  @Override
  ServerRow row() {
    return new ServerRow("Undertow", Protocol.HTTP, "UndertowMain")
        .application("undertow", "servlet", "server-more", "server-undertow", "websocket")
        .version(
            "2.2.40",
            8,
            "io.undertow:undertow-servlet:2.2.40.Final",
            "io.undertow:undertow-websockets-jsr:2.2.38.Final")
        .version(
            "2.3.26",
            11,
            "io.undertow:undertow-servlet:2.3.26.Final",
            "io.undertow:undertow-websockets-jsr:2.3.24.Final")
        .jakarta();
  }
}
