package io.weir.smoke;

/** grpc-java keeps the contract of clients, on each of its transports. */
class GrpcClientContractTest extends ClientContract {
  @Override
  ClientRow row() {
    return new ClientRow("gRPC client", "client-grpc", Protocol.GRPC)
        .blocking("unary", "iterator")
        .asynchronous("future", "async", "server", "client", "bidi")
        .cannot("aRuleMayThrowInsteadOfAnswering", "a refusal is a status, which stubs throw")
        .cannot("aWebSocketWorksAsWithoutTheAgent", "gRPC has none")
        .cannot(
            "attachedToARunningJvmItGovernsClientsThatWereThereBefore",
            "a channel that was built before stays as it is")
        .version(
            "1.30.2 netty",
            8,
            "io.grpc:grpc-netty:1.30.2",
            "io.grpc:grpc-stub:1.30.2",
            // its Netty knows no TLS of Java 8 that has ALPN
            "io.netty:netty-tcnative-boringssl-static:2.0.30.Final")
        .sources("grpc-wire", "grpc-any")
        .version(
            "1.30.2 netty-shaded",
            8,
            "io.grpc:grpc-netty-shaded:1.30.2",
            "io.grpc:grpc-stub:1.30.2")
        .sources("grpc-wire", "grpc-any")
        .version("1.45.1 netty", 8, "io.grpc:grpc-netty:1.45.1", "io.grpc:grpc-stub:1.45.1")
        .sources("grpc-wire", "grpc-any")
        .version("1.76.0 okhttp", 8, "io.grpc:grpc-okhttp:1.76.0", "io.grpc:grpc-stub:1.76.0")
        .sources("grpc-wire", "grpc-okhttp")
        .everyTimeOn(17)
        .version("1.85.1 netty", 8, "io.grpc:grpc-netty:1.85.1", "io.grpc:grpc-stub:1.85.1")
        .sources("grpc-wire", "grpc-any")
        .version(
            "1.85.1 netty-shaded",
            8,
            "io.grpc:grpc-netty-shaded:1.85.1",
            "io.grpc:grpc-stub:1.85.1")
        .sources("grpc-wire", "grpc-any");
  }
}
