package io.weir.agent.run;

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What this host is called, without asking a name service, which may hang: the kernel, then {@code
 * /etc/hostname}, then the environment's {@code HOSTNAME} and {@code COMPUTERNAME}. A shell sets
 * {@code HOSTNAME} and often does not export it, so the environment comes last.
 */
public final class HostName {
  /** Where nobody says. */
  static final String NONE = "jvm";

  private static final int LONGEST = 64;
  private static final String[] FILES = {"/proc/sys/kernel/hostname", "/etc/hostname"};
  private static final String[] VARIABLES = {"HOSTNAME", "COMPUTERNAME"};

  private HostName() {}

  /** Letters, digits and {@code .-_}, 64 at most; never empty. */
  public static String get() {
    return of(HostName::read, System.getenv());
  }

  /**
   * @param files answers a file's text, or null when it cannot be read
   */
  static String of(Function<String, @Nullable String> files, Map<String, String> environment) {
    String local = null;
    for (int i = 0; i < FILES.length + VARIABLES.length; i++) {
      String text =
          i < FILES.length ? files.apply(FILES[i]) : environment.get(VARIABLES[i - FILES.length]);
      String name = text == null ? "" : clean(text);
      if (name.startsWith("localhost")) {
        local = name; // many hosts are: another source may tell them apart
      } else if (!name.isEmpty()) {
        return name;
      }
    }
    return local == null ? NONE : local;
  }

  /** The first line that says something, with nothing in it that a key or a label cannot have. */
  private static String clean(String text) {
    for (String line : text.split("\n")) {
      String l = line.trim();
      if (l.isEmpty() || l.startsWith("#") || l.equals("(none)")) {
        continue;
      }
      StringBuilder s = new StringBuilder();
      for (int i = 0; i < l.length() && i < LONGEST; i++) {
        char c = l.charAt(i);
        boolean plain =
            c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c == '.'
                || c == '-'
                || c == '_';
        s.append(plain ? c : '-');
      }
      return s.toString();
    }
    return "";
  }

  /** At most a kilobyte of a file, or null. */
  static @Nullable String read(String file) {
    try (InputStream in = new FileInputStream(file)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[1024];
      int n = in.read(buffer);
      if (n > 0) {
        out.write(buffer, 0, n);
      }
      return new String(out.toByteArray(), "UTF-8");
    } catch (IOException | SecurityException notHere) {
      return null;
    }
  }
}
