package io.weir.agent.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Names a directory of rules, so that the history can tell from where a rule was pushed. In a git
 * work tree the name is the remote's address and the path within the repository: every clone of it
 * has the same name, also the fresh one that a CI job pushes from. Elsewhere it is the host and the
 * absolute path.
 */
final class SourceName {
  private SourceName() {}

  static String of(Path directory, Map<String, String> environment) {
    Path here = directory.toAbsolutePath().normalize();
    try {
      here = here.toRealPath();
      for (Path p = here; p != null; p = p.getParent()) {
        Path git = p.resolve(".git");
        if (Files.exists(git)) {
          String remote = remote(git);
          String inside = p.relativize(here).toString().replace('\\', '/');
          if (remote != null) {
            return remote + (inside.isEmpty() ? "" : "//" + inside);
          }
          break;
        }
      }
    } catch (IOException unreadable) {
      // named by its path then
    }
    return History.host(environment) + ":" + here;
  }

  /** Address of the remote called origin, else of the first; null when there is none. */
  private static @Nullable String remote(Path git) throws IOException {
    Path home = git;
    if (Files.isRegularFile(git)) { // a work tree or a submodule: gitdir: PATH
      home = pointed(git, read(git).replaceFirst("(?s)^gitdir:\\s*", "").trim());
      Path common = home.resolve("commondir");
      home = Files.isRegularFile(common) ? pointed(common, read(common).trim()) : home;
    }
    Path config = home.resolve("config");
    if (!Files.isRegularFile(config)) {
      return null;
    }
    String section = "";
    String first = null;
    for (String line : read(config).split("\n")) {
      String l = line.trim();
      if (l.startsWith("[")) {
        section = l;
      } else if (section.startsWith("[remote ") && l.matches("url\\s*=.*")) {
        String url = plain(l.substring(l.indexOf('=') + 1).trim());
        if (section.equals("[remote \"origin\"]")) {
          return url;
        }
        first = first == null ? url : first;
      }
    }
    return first;
  }

  /** A path written in a file, relative to where the file is. */
  private static Path pointed(Path from, String to) {
    Path parent = from.getParent();
    return parent == null ? from.getFileSystem().getPath(to) : parent.resolve(to).normalize();
  }

  /** {@code git@host:a/b.git} and {@code https://token@host/a/b} are the same repository. */
  private static String plain(String url) {
    String s = url.replaceFirst("^[A-Za-z][A-Za-z0-9+.-]*://", "");
    boolean scheme = s.length() < url.length();
    int slash = s.indexOf('/');
    int at = s.lastIndexOf('@', slash < 0 ? s.length() : slash);
    s = s.substring(at + 1);
    if (!scheme && s.matches("[A-Za-z0-9.-]{2,}:.*")) {
      s = s.replaceFirst(":/*", "/");
    }
    return s.replaceFirst("/+$", "").replaceFirst("\\.git$", "");
  }

  private static String read(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
