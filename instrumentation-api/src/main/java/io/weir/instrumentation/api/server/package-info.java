/**
 * Inbound calls: {@link io.weir.instrumentation.api.server.ServerCall one call} from its decision
 * to its end, and how a server {@link io.weir.instrumentation.api.server.RequestParking lets it
 * wait} without a thread.
 */
package io.weir.instrumentation.api.server;
