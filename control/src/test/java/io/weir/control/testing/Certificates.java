package io.weir.control.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An authority of the test's own, by the JDK's keytool, that issues certificates as PEM files. */
public final class Certificates {
  private static final String PASSWORD = "secret";

  private final Path directory;

  /**
   * Makes the authority.
   *
   * @param directory exists, and is the caller's to delete
   */
  public Certificates(Path directory) {
    this.directory = directory;
    keytool("ca", "-genkeypair", "-keyalg", "EC", "-dname", "CN=test authority", "-ext", "bc:c");
    keytool("ca", "-exportcert", "-rfc", "-file", ca().toString());
  }

  public Path ca() {
    return directory.resolve("ca.pem");
  }

  public Path certificate(String name) {
    return directory.resolve(name + ".pem");
  }

  public Path key(String name) {
    return directory.resolve(name + "-key.pem");
  }

  /**
   * Issues a certificate for 127.0.0.1, in the place of the last one of that name.
   *
   * @param expired whether it ran out a day ago
   */
  public void issue(String name, boolean expired) {
    try {
      Files.deleteIfExists(directory.resolve(name + ".p12"));
      keytool(name, "-genkeypair", "-keyalg", "EC", "-dname", "CN=" + name);
      Path request = directory.resolve(name + ".csr");
      keytool(name, "-certreq", "-file", request.toString());
      keytool(
          "ca",
          "-gencert",
          "-rfc",
          "-infile",
          request.toString(),
          "-outfile",
          certificate(name).toString(),
          "-ext",
          "san=ip:127.0.0.1,ip:::1,dns:localhost",
          "-startdate",
          expired ? "-3d" : "-1d",
          "-validity",
          expired ? "2" : "30");
      KeyStore keys = KeyStore.getInstance("PKCS12");
      try (InputStream in = Files.newInputStream(directory.resolve(name + ".p12"))) {
        keys.load(in, PASSWORD.toCharArray());
      }
      EtcdServer.pem(
          key(name), "PRIVATE KEY", keys.getKey(name, PASSWORD.toCharArray()).getEncoded());
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private void keytool(String alias, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(Arrays.asList(arguments));
    command.addAll(
        List.of(
            "-alias",
            alias,
            "-keystore",
            directory.resolve(alias + ".p12").toString(),
            "-storepass",
            PASSWORD));
    try {
      Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (p.waitFor() != 0) {
        throw new AssertionError(command + " failed: " + said);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
