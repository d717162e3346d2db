package io.weir.agent.coverage;

import io.weir.control.json.JsonText;
import io.weir.instrumentation.Library;
import org.jspecify.annotations.Nullable;

/** One version of a library that this JVM has loaded. Immutable. */
public final class Finding {
  public final Library library;

  /** As the library's jar tells it; {@code unknown} where it does not. */
  public final String version;

  /** Why its calls are not governed; null: they are. */
  public final @Nullable String why;

  /**
   * Whether the application was seen using it: a first call, for gRPC a channel or server that was
   * built. Always false for a library that is not governed: nobody looks there.
   */
  public final boolean used;

  Finding(Library library, String version, @Nullable String why, boolean used) {
    this.library = library;
    this.version = version;
    this.why = why;
    this.used = used;
  }

  public boolean governed() {
    return why == null;
  }

  void toJson(StringBuilder s) {
    s.append("{\"library\":");
    JsonText.quote(s, library.name).append(",\"version\":");
    JsonText.quote(s, version).append(",\"side\":\"").append(library.side.word());
    s.append("\",\"governed\":").append(governed());
    if (why == null) {
      s.append(",\"used\":").append(used);
    } else {
      JsonText.quote(s.append(",\"why\":"), why);
    }
    s.append('}');
  }

  /** For the log: what it means for a call. */
  String warning() {
    return library.name
        + " "
        + version
        + " is loaded and not governed ("
        + why
        + "): "
        + (library.side == Library.Side.CLIENT
            ? "calls that the application makes with it pass every rule"
            : "calls that it receives pass every rule");
  }

  @Override
  public String toString() {
    return library + " " + version + (why == null ? ", governed" : ", not governed: " + why);
  }
}
