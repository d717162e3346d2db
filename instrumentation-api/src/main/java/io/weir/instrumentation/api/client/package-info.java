/**
 * Governs calls that leave this JVM, whatever library makes them.
 *
 * <p>A library says what only it knows ({@link io.weir.instrumentation.api.client.ClientLibrary}).
 * The gate ({@link io.weir.instrumentation.api.client.ClientGate}) decides, and what comes back
 * ({@link io.weir.instrumentation.api.client.ClientCall}) is one call: the request to send, where
 * to send it, and one end.
 */
package io.weir.instrumentation.api.client;
