package io.weir.instrumentation.grpc.adapter;

import io.grpc.Metadata;
import io.grpc.Status;
import io.weir.engine.call.Refusal;
import io.weir.engine.call.Ticket;

/** A refusal in gRPC's words: status and trailers. */
final class Refused {
  /** When a retry may succeed, for clients with a retry policy: gRFC A6. */
  static final Metadata.Key<String> PUSHBACK = Names.ascii("grpc-retry-pushback-ms");

  /** Trailer of a refusal: the rule's id. */
  static final Metadata.Key<String> REJECTED = Names.ascii(Refusal.REJECTED);

  private Refused() {}

  /** Whether the target's own Weir says that it refused the call. */
  static boolean byTarget(Metadata trailers) {
    return trailers.containsKey(REJECTED);
  }

  static Status status(Ticket ticket) {
    Refusal r = ticket.refused();
    return Status.fromCodeValue(r.grpcStatus()).withDescription(r.description());
  }

  static Metadata trailers(Ticket ticket) {
    Metadata trailers = new Metadata();
    Names.set(trailers, Refusal.REJECTED, ticket.refused().ruleId());
    for (String[] h : ticket.refused().headers()) {
      Names.set(trailers, h[0], h[1]);
    }
    if (ticket.retryAfterNanos() > 0) {
      Names.set(trailers, PUSHBACK.name(), Long.toString(ticket.retryPushbackMillis()));
    }
    if (ticket.decision() != null) {
      Names.set(trailers, Ticket.DECISION, ticket.decision());
    }
    return trailers;
  }
}
