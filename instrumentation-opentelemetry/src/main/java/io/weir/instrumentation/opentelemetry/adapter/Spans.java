package io.weir.instrumentation.opentelemetry.adapter;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.trace.Span;
import io.weir.engine.call.AttributeSource;
import io.weir.engine.call.CallDecision;
import io.weir.engine.call.DecisionListener;
import io.weir.engine.call.Refusal;
import io.weir.engine.instances.Instance;
import org.jspecify.annotations.Nullable;

/**
 * Writes decisions on the span that is current when they are made. The refusal of an inbound
 * request becomes attributes of that request's span. Decisions about outbound calls, of which there
 * may be many in one span, become events. Without a recording span this reads one thread-local and
 * allocates nothing.
 */
final class Spans implements DecisionListener {
  private static final AttributeKey<String> SERVICE = AttributeKey.stringKey("service");
  private static final AttributeKey<String> RULE = AttributeKey.stringKey("weir.rule");
  private static final AttributeKey<String> BY = AttributeKey.stringKey("weir.refused.by");
  private static final AttributeKey<String> DECISION = AttributeKey.stringKey("weir.decision");
  private static final AttributeKey<Boolean> EXCEEDED =
      AttributeKey.booleanKey("rate_limit.exceeded");
  private static final AttributeKey<String> CIRCUIT = AttributeKey.stringKey("circuit.state");
  private static final AttributeKey<String> ADDRESS = AttributeKey.stringKey("server.address");
  private static final AttributeKey<Long> PORT = AttributeKey.longKey("server.port");
  private static final AttributeKey<String> VERSION = AttributeKey.stringKey("version");
  private static final AttributeKey<String> REGION = AttributeKey.stringKey("region");
  private static final AttributeKey<String> ARM = AttributeKey.stringKey("weir.route.arm");

  /** Returns null: this listener gives a decision no id. */
  @Override
  public <C> @Nullable String decided(
      CallDecision decision,
      String service,
      boolean inbound,
      AttributeSource<C> source,
      C call,
      long now) {
    Span span = Span.current();
    if (!span.isRecording()) {
      return null;
    }
    if (decision.refusal() == null) {
      span.addEvent("weir.routed", routed(decision, service));
      return null;
    }
    Attributes refused = refused(decision, service);
    if (inbound) {
      span.setAllAttributes(refused);
    } else {
      span.addEvent("weir.refused", refused);
    }
    return null;
  }

  private static Attributes refused(CallDecision decision, String service) {
    Refusal r = decision.refused();
    AttributesBuilder b = Attributes.builder();
    b.put(SERVICE, service);
    b.put(BY, r.kind().name().toLowerCase(java.util.Locale.ROOT));
    b.put(RULE, r.ruleId());
    if (r.kind() == Refusal.Kind.LIMIT) {
      b.put(EXCEEDED, true);
    } else if (r.kind() == Refusal.Kind.BREAKER) {
      b.put(CIRCUIT, "open");
    }
    return with(b, DECISION, decision.id()).build();
  }

  @SuppressWarnings("NullAway") // a decision that is reported without a refusal has an instance
  private static Attributes routed(CallDecision decision, String service) {
    Instance i = decision.instance();
    AttributesBuilder b = Attributes.builder();
    b.put(SERVICE, service);
    b.put(ADDRESS, i.host());
    b.put(PORT, (long) i.port());
    with(b, VERSION, i.version());
    with(b, REGION, i.region());
    return with(b, ARM, decision.arm()).build();
  }

  private static AttributesBuilder with(
      AttributesBuilder b, AttributeKey<String> key, @Nullable String value) {
    return value == null ? b : b.put(key, value);
  }
}
