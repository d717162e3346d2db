/**
 * Calls that come in: {@link io.weir.instrumentation.api.server.ServerCall one call} from its
 * decision to its end, and how its container {@link
 * io.weir.instrumentation.api.server.RequestParking lets it wait} without a thread.
 */
package io.weir.instrumentation.api.server;
