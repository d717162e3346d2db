package io.weir.smoke;

/** Tomcat keeps the contract of servers. */
class TomcatContractTest extends ServerContract {
  @Override
  ServerRow row() {
    return new ServerRow("Tomcat", Protocol.HTTP, "TomcatMain")
        .application("tomcat", "servlet", "server-more", "server-tomcat", "websocket")
        .cannot(
            "listenersSeeAPacedRequestComeAndGoOnce",
            "Tomcat tells twice of an asynchronous dispatch to sendError, the application's own"
                + " too")
        .version(
            "8.5.100",
            8,
            "org.apache.tomcat.embed:tomcat-embed-core:8.5.100",
            "org.apache.tomcat.embed:tomcat-embed-websocket:8.5.100")
        .version(
            "9.0.123",
            8,
            "org.apache.tomcat.embed:tomcat-embed-core:9.0.123",
            "org.apache.tomcat.embed:tomcat-embed-websocket:9.0.123")
        .everyTimeOn(11)
        .version(
            "10.1.59",
            11,
            "org.apache.tomcat.embed:tomcat-embed-core:10.1.59",
            "org.apache.tomcat.embed:tomcat-embed-websocket:10.1.59")
        .jakarta()
        .everyTimeOn(17)
        .version(
            "11.0.27",
            17,
            "org.apache.tomcat.embed:tomcat-embed-core:11.0.27",
            "org.apache.tomcat.embed:tomcat-embed-websocket:11.0.27")
        .jakarta();
  }
}
