package io.weir.smoke;

/** Jetty keeps the contract of servers, with each of its servlet environments. */
class JettyContractTest extends ServerContract {
  private static final String SUFFIX = "WebSocketServletContainerInitializer";

  @Override
  ServerRow row() {
    ServerRow row =
        new ServerRow("Jetty", Protocol.HTTP, "JettyMain")
            .application("servlet", "server-more", "server-jetty", "websocket");
    row.version(
            "9.4.58",
            8,
            "org.eclipse.jetty:jetty-servlet:9.4.58.v20250814",
            "org.eclipse.jetty.http2:http2-server:9.4.58.v20250814",
            "org.eclipse.jetty.websocket:javax-websocket-server-impl:9.4.58.v20250814")
        .sources("jetty")
        .replacing(
            "websocket.Initializer",
            "org.eclipse.jetty.websocket.jsr356.server.deploy.WebSocketServerContainerInitializer")
        .replacing(
            "Initializer.configure(first", "WebSocketServerContainerInitializer.configure(first");
    row.version(
            "10.0.26",
            11,
            "org.eclipse.jetty:jetty-servlet:10.0.26",
            "org.eclipse.jetty.http2:http2-server:10.0.26",
            "org.eclipse.jetty.websocket:websocket-javax-server:10.0.26")
        .sources("jetty")
        .everyTimeOn(11);
    webSocket(row, "org.eclipse.jetty.websocket.javax.server.config.Javax");
    row.version(
            "11.0.26",
            11,
            "org.eclipse.jetty:jetty-servlet:11.0.26",
            "org.eclipse.jetty.http2:http2-server:11.0.26",
            "org.eclipse.jetty.websocket:websocket-jakarta-server:11.0.26")
        .sources("jetty")
        .jakarta();
    webSocket(row, "org.eclipse.jetty.websocket.jakarta.server.config.Jakarta");
    row.version(
            "12.0.30 ee8",
            17,
            "org.eclipse.jetty.ee8:jetty-ee8-servlet:12.0.30",
            "org.eclipse.jetty.http2:jetty-http2-server:12.0.30",
            "org.eclipse.jetty.ee8.websocket:jetty-ee8-websocket-javax-server:12.0.30")
        .sources("jetty12-ee8")
        .replacing("org.eclipse.jetty.servlet.", "org.eclipse.jetty.ee8.servlet.")
        .replacing("addHandler(first)", "addHandler(first.get())")
        .replacing("addHandler(second)", "addHandler(second.get())");
    webSocket(row, "org.eclipse.jetty.ee8.websocket.javax.server.config.Javax");
    row.version(
            "12.0.30 ee10",
            17,
            "org.eclipse.jetty.ee10:jetty-ee10-servlet:12.0.30",
            "org.eclipse.jetty.http2:jetty-http2-server:12.0.30",
            "org.eclipse.jetty.ee10.websocket:jetty-ee10-websocket-jakarta-server:12.0.30")
        .sources("jetty12-ee10")
        .jakarta()
        .everyTimeOn(21)
        .replacing("org.eclipse.jetty.servlet.", "org.eclipse.jetty.ee10.servlet.");
    webSocket(row, "org.eclipse.jetty.ee10.websocket.jakarta.server.config.Jakarta");
    row.version(
            "12.1.14 ee11",
            17,
            "org.eclipse.jetty.ee11:jetty-ee11-servlet:12.1.14",
            "org.eclipse.jetty.http2:jetty-http2-server:12.1.14",
            "org.eclipse.jetty.ee11.websocket:jetty-ee11-websocket-jakarta-server:12.1.14")
        .sources("jetty12-ee10")
        .jakarta()
        .replacing("jetty.ee10", "jetty.ee11")
        .replacing("org.eclipse.jetty.servlet.", "org.eclipse.jetty.ee11.servlet.");
    webSocket(row, "org.eclipse.jetty.ee11.websocket.jakarta.server.config.Jakarta");
    return row;
  }

  private static void webSocket(ServerRow row, String prefix) {
    String simple = prefix.substring(prefix.lastIndexOf('.') + 1) + SUFFIX;
    row.replacing("import websocket.Initializer", "import " + prefix + SUFFIX)
        .replacing("Initializer.configure(first", simple + ".configure(first");
  }
}
