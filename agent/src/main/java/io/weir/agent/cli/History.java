package io.weir.agent.cli;

import io.weir.agent.run.HostName;
import io.weir.control.store.Entry;
import io.weir.control.store.Txn;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TimeZone;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who changed what, in keys of our own that are written in the rule's own transaction: etcd's
 * revisions go at the next compaction, and never knew who or why.
 *
 * <p>Never more than {@link #KEPT} changes are kept; the oldest go in the transaction of a new one.
 */
final class History {
  /** Sorts behind {@code /weir/off}, where the range ends that agents follow. */
  static final String PREFIX = "/weir/rule-history/";

  static final int KEPT = 200;

  private static final int LONGEST_NAME = 100;
  private static final int LONGEST_TEXT = 1000;
  private static final Pattern ID = Pattern.compile("[0-9A-Za-z-]{1,64}");

  /** One change. Immutable. */
  static final class Change {
    /** Sorts by time: {@code 20261122-154512-3fa2}. */
    final String id;

    final long atMillis;

    /** On one line, as all text of others here. */
    final String by;

    /** Whether {@link #by} is the user that etcd let in; else it is only what somebody said. */
    final boolean etcdUser;

    final String message;
    final String command;

    /** Name of the files it was pushed from ({@link SourceName}); empty: from no files. */
    final String from;

    /** By key: the text before and after, either may be null. */
    final Map<String, String[]> texts;

    private Change(
        String id,
        long atMillis,
        String by,
        boolean etcdUser,
        String message,
        String command,
        String from,
        Map<String, String[]> texts) {
      this.id = id;
      this.atMillis = atMillis;
      this.by = line(by, LONGEST_NAME);
      this.etcdUser = etcdUser;
      this.message = line(message, LONGEST_TEXT);
      this.command = line(command, LONGEST_TEXT);
      this.from = from;
      this.texts = Collections.unmodifiableMap(texts);
    }

    String at() {
      return format("yyyy-MM-dd HH:mm:ss", atMillis);
    }

    /** {@code alice}, or {@code bob@host (as told)} where etcd did not ask who it is. */
    String who() {
      return by + (etcdUser ? "" : " (as told)");
    }

    /** {@code bob@host 3 min ago: lower the limit (20261122-154512-3fa2)}. */
    String told() {
      return who()
          + " "
          + ago(atMillis)
          + (message.isEmpty() ? "" : ": " + message)
          + " ("
          + id
          + ")";
    }

    Map<String, Object> json() {
      List<Object> changes = new ArrayList<Object>();
      for (Map.Entry<String, String[]> t : texts.entrySet()) {
        changes.add(
            Json.object("key", t.getKey(), "before", t.getValue()[0], "after", t.getValue()[1]));
      }
      return Json.object(
          "id", id,
          "at_ms", atMillis,
          "by", by,
          "etcd_user", etcdUser,
          "message", message,
          "command", command,
          "from", from,
          "changes", changes);
    }
  }

  private History() {}

  /**
   * A change being made now.
   *
   * @param etcdUser whom etcd let in; null where it asked for nobody
   */
  static Change now(
      String message,
      String command,
      String from,
      Map<String, String[]> texts,
      @Nullable String etcdUser,
      Map<String, String> env) {
    long at = System.currentTimeMillis();
    return new Change(
        format("yyyyMMdd-HHmmss", at)
            + String.format("-%04x", ThreadLocalRandom.current().nextInt(0x10000)),
        at,
        etcdUser == null ? author(env) : etcdUser,
        etcdUser != null,
        message,
        command,
        from,
        texts);
  }

  /** Adds the change to its own transaction, and drops what is too old. */
  static void record(Change change, StoreView view, Txn txn) {
    String key = PREFIX + change.id;
    txn.ifAbsent(key).put(key, Json.line(change.json()), 0);
    int over = view.under(PREFIX).size() + 1 - KEPT;
    for (String old : view.under(PREFIX).keySet()) {
      if (over-- <= 0 || txn.writes().size() > 100) {
        break;
      }
      txn.delete(old);
    }
  }

  /**
   * Newest first: as they were written, whatever the writers' clocks say. Files know no revision
   * from before they were looked at; there the time told decides.
   */
  static List<Change> read(StoreView view) {
    final Map<Change, Long> revisions = new HashMap<Change, Long>();
    List<Change> all = new ArrayList<Change>();
    for (Entry e : view.under(PREFIX).values()) {
      if (e.tooLarge > 0 || !ID.matcher(e.key.substring(PREFIX.length())).matches()) {
        continue; // none of ours is like that
      }
      Map<String, Object> o = Json.readObject(e.text());
      Map<String, String[]> texts = new LinkedHashMap<String, String[]>();
      for (Map<String, Object> c : Json.objects(o, "changes")) {
        texts.put(
            Json.text(c, "key"), new String[] {(String) c.get("before"), (String) c.get("after")});
      }
      all.add(
          new Change(
              e.key.substring(PREFIX.length()),
              Json.number(o, "at_ms"),
              Json.text(o, "by"),
              Boolean.TRUE.equals(o.get("etcd_user")),
              Json.text(o, "message"),
              Json.text(o, "command"),
              Json.text(o, "from"),
              texts));
      revisions.put(all.get(all.size() - 1), e.modRevision);
    }
    Collections.sort(
        all,
        (a, b) -> {
          int written = Objects.requireNonNull(revisions.get(b)).compareTo(revisions.get(a));
          return written != 0 ? written : Long.compare(b.atMillis, a.atMillis);
        });
    return all;
  }

  /** The last change of a key, or null: it was not made with this tool, or long ago. */
  static @Nullable Change last(StoreView view, String key) {
    for (Change c : read(view)) {
      if (c.texts.containsKey(key)) {
        return c;
      }
    }
    return null;
  }

  /** Text of others on one line: nobody paints, breaks or turns around what is shown. */
  static String line(String text, int most) {
    StringBuilder s = new StringBuilder();
    for (int i = 0; i < text.length() && s.length() < most; i++) {
      char c = text.charAt(i);
      int type = Character.getType(c);
      boolean shown =
          type != Character.CONTROL
              && type != Character.FORMAT
              && type != Character.LINE_SEPARATOR
              && type != Character.PARAGRAPH_SEPARATOR;
      s.append(shown ? c : c == '\n' ? ' ' : '?');
    }
    return s.toString();
  }

  static String author(Map<String, String> env) {
    return System.getProperty("user.name", "somebody") + "@" + host(env);
  }

  /** Name of this host; the environment may say another, as a person would in a container. */
  static String host(Map<String, String> env) {
    String host = env.get("HOSTNAME");
    if (host == null || host.isEmpty()) {
      host = env.get("COMPUTERNAME");
    }
    return host == null || host.isEmpty() ? HostName.get() : host;
  }

  static String ago(long millis) {
    long s = Math.max(0, (System.currentTimeMillis() - millis) / 1000);
    return s < 120
        ? s + " s ago"
        : s < 7200
            ? s / 60 + " min ago"
            : s < 172_800 ? s / 3600 + " h ago" : s / 86_400 + " days ago";
  }

  private static String format(String pattern, long millis) {
    SimpleDateFormat f = new SimpleDateFormat(pattern, Locale.ROOT);
    f.setTimeZone(TimeZone.getTimeZone("UTC"));
    return f.format(new Date(millis));
  }
}
