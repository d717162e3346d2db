package io.weir.instrumentation.grpc.adapter;

import io.grpc.Metadata;
import io.grpc.Status;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.Refusal;

/** Translates a refusal to gRPC's status and trailers. */
final class GrpcRefusal {
  /** Trailer: milliseconds until a retry may succeed, for clients with a retry policy (gRFC A6). */
  static final Metadata.Key<String> PUSHBACK = GrpcNames.ascii("grpc-retry-pushback-ms");

  /** Trailer of every refusal: the rule's id. */
  static final Metadata.Key<String> REJECTED = GrpcNames.ascii(Refusal.REJECTED);

  private GrpcRefusal() {}

  /** Whether the trailers say that the target's own Weir refused the call. */
  static boolean byTarget(Metadata trailers) {
    return trailers.containsKey(REJECTED);
  }

  static Status status(CallDecision decision) {
    Refusal r = decision.refused();
    return Status.fromCodeValue(r.grpcStatus()).withDescription(r.description());
  }

  static Metadata trailers(CallDecision decision) {
    Metadata trailers = new Metadata();
    GrpcNames.set(trailers, Refusal.REJECTED, decision.refused().ruleId());
    for (String[] h : decision.refused().headers()) {
      GrpcNames.set(trailers, h[0], h[1]);
    }
    if (decision.retryAfterNanos() > 0) {
      GrpcNames.set(trailers, PUSHBACK.name(), Long.toString(decision.retryPushbackMillis()));
    }
    if (decision.id() != null) {
      GrpcNames.set(trailers, Refusal.DECISION, decision.id());
    }
    return trailers;
  }
}
