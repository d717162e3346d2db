package io.weir.smoke;

/** Servers of grpc-java keep the contract of servers, on each transport. */
class GrpcServerContractTest extends ServerContract {
  private static final String NOT_HTTP = "not by gRPC: a status and trailers, no path but a method";

  @Override
  ServerRow row() {
    return new ServerRow("gRPC server", Protocol.GRPC, "StockServer")
        .application("grpc", "grpc-wire")
        .cannot("attachedToARunningJvmItGoverns", "a server that was built before stays as it is")
        .cannot("aRefusalIsACompleteAnswerAndItsConnectionGoesOn", NOT_HTTP)
        .cannot("aRefusalSaysWhatTheRuleSays", NOT_HTTP)
        .cannot("pathRuleSeesTheDecodedPath", NOT_HTTP)
        .cannot("aRuleOnAPathHoldsForEverySpellingThatFindsItsHandler", NOT_HTTP)
        .cannot("listenersSeeAPacedRequestComeAndGoOnce", "gRPC has no such listeners")
        .cannot("aPacedRequestHasItsSession", "gRPC has no sessions")
        .cannot("aWebSocketGivesItsPlaceBackAtTheUpgradeAndGoesOn", "gRPC has none")
        .cannot("requestsByTlsAreGovernedLikeOthers", "not asked: GrpcTest routes calls by TLS")
        .cannot("theColourOfARequestGoesOutWithTheCallsThatAreMadeForIt", "not asked: FourHopsTest")
        .cannot(
            "twoWarsInOneServerAreGovernedByOneRuleAndCallEachByItsOwnClient", "gRPC has no wars")
        .version("1.30.2 netty", 8, "io.grpc:grpc-netty:1.30.2", "io.grpc:grpc-stub:1.30.2")
        .sources("grpc-any")
        .version(
            "1.30.2 netty-shaded",
            8,
            "io.grpc:grpc-netty-shaded:1.30.2",
            "io.grpc:grpc-stub:1.30.2")
        .sources("grpc-any")
        .version("1.45.1 netty", 8, "io.grpc:grpc-netty:1.45.1", "io.grpc:grpc-stub:1.45.1")
        .sources("grpc-any")
        .version("1.76.0 okhttp", 8, "io.grpc:grpc-okhttp:1.76.0", "io.grpc:grpc-stub:1.76.0")
        .sources("grpc-okhttp")
        .everyTimeOn(17)
        .version("1.85.1 netty", 8, "io.grpc:grpc-netty:1.85.1", "io.grpc:grpc-stub:1.85.1")
        .sources("grpc-any")
        .version(
            "1.85.1 netty-shaded",
            8,
            "io.grpc:grpc-netty-shaded:1.85.1",
            "io.grpc:grpc-stub:1.85.1")
        .sources("grpc-any");
  }
}
