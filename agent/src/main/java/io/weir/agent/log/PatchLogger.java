package io.weir.agent.log;

import java.util.ResourceBundle;
import java.util.function.Supplier;
import java.util.logging.Filter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.jspecify.annotations.Nullable;

/**
 * Stands for {@code java.util.logging.Logger} in the libraries inside the isolated loader
 * (references are rewritten when the jar is made). Without it gRPC and Guava would initialise the
 * LogManager before the application chose its own, which breaks JBoss and everything with {@code
 * -Djava.util.logging.manager}.
 *
 * <p>Warnings and worse reach {@link AgentLog} at level DEBUG: whatever matters to a user our own
 * code says itself.
 */
public final class PatchLogger {
  public static final String GLOBAL_LOGGER_NAME = "global";

  private final String name;

  private PatchLogger(String name) {
    this.name = name;
  }

  public static PatchLogger getLogger(String name) {
    return new PatchLogger(name);
  }

  public static PatchLogger getLogger(String name, String bundle) {
    return new PatchLogger(name);
  }

  public static PatchLogger getAnonymousLogger() {
    return new PatchLogger("");
  }

  public static PatchLogger getGlobal() {
    return new PatchLogger(GLOBAL_LOGGER_NAME);
  }

  public String getName() {
    return name;
  }

  public boolean isLoggable(Level level) {
    return level.intValue() >= Level.WARNING.intValue()
        && AgentLog.get().isEnabled(AgentLog.Level.DEBUG);
  }

  public Level getLevel() {
    return Level.WARNING;
  }

  public void setLevel(Level level) {}

  public void addHandler(Handler handler) {}

  public void removeHandler(Handler handler) {}

  public Handler[] getHandlers() {
    return new Handler[0];
  }

  public void setUseParentHandlers(boolean use) {}

  public boolean getUseParentHandlers() {
    return false;
  }

  public @Nullable Filter getFilter() {
    return null;
  }

  public void setFilter(@Nullable Filter filter) {}

  public @Nullable PatchLogger getParent() {
    return null;
  }

  public @Nullable ResourceBundle getResourceBundle() {
    return null;
  }

  public void log(LogRecord record) {
    write(record.getLevel(), record.getMessage(), record.getThrown());
  }

  public void log(Level level, String message) {
    write(level, message, null);
  }

  public void log(Level level, Supplier<String> message) {
    if (isLoggable(level)) {
      write(level, message.get(), null);
    }
  }

  public void log(Level level, String message, Object parameter) {
    write(level, message, null);
  }

  public void log(Level level, String message, Object[] parameters) {
    write(level, message, null);
  }

  public void log(Level level, String message, @Nullable Throwable thrown) {
    write(level, message, thrown);
  }

  public void log(Level level, @Nullable Throwable thrown, Supplier<String> message) {
    if (isLoggable(level)) {
      write(level, message.get(), thrown);
    }
  }

  public void logp(Level level, String type, String method, String message) {
    write(level, message, null);
  }

  public void logp(Level level, String type, String method, String message, Object parameter) {
    write(level, message, null);
  }

  public void logp(Level level, String type, String method, String message, Object[] parameters) {
    write(level, message, null);
  }

  public void logp(
      Level level, String type, String method, String message, @Nullable Throwable thrown) {
    write(level, message, thrown);
  }

  public void severe(String message) {
    write(Level.SEVERE, message, null);
  }

  public void severe(Supplier<String> message) {
    log(Level.SEVERE, message);
  }

  public void warning(String message) {
    write(Level.WARNING, message, null);
  }

  public void warning(Supplier<String> message) {
    log(Level.WARNING, message);
  }

  public void info(String message) {}

  public void info(Supplier<String> message) {}

  public void config(String message) {}

  public void config(Supplier<String> message) {}

  public void fine(String message) {}

  public void fine(Supplier<String> message) {}

  public void finer(String message) {}

  public void finer(Supplier<String> message) {}

  public void finest(String message) {}

  public void finest(Supplier<String> message) {}

  public void entering(String type, String method) {}

  public void entering(String type, String method, Object parameter) {}

  public void entering(String type, String method, Object[] parameters) {}

  public void exiting(String type, String method) {}

  public void exiting(String type, String method, Object result) {}

  public void throwing(String type, String method, @Nullable Throwable thrown) {}

  private void write(Level level, String message, @Nullable Throwable thrown) {
    if (isLoggable(level)) {
      AgentLog.get().debug(name + ": " + message + (thrown == null ? "" : " - " + thrown));
    }
  }
}
