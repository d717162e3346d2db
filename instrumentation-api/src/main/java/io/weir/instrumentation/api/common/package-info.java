/** Small things that clients and servers share. */
package io.weir.instrumentation.api.common;
