/** How calls wait for their turn: on their thread, or without one. */
package io.weir.instrumentation.api.pacing;
