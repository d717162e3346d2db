package io.weir.agent.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.weir.agent.config.Config;
import java.io.File;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The admin endpoint against clients that are slow, many, or not allowed. */
class AdminServerTest {
  private static final String TOKEN = "correct-horse-battery";
  private static final long LONG = 60_000;

  @TempDir Path temp;
  private final AtomicInteger asked = new AtomicInteger();
  private final List<Socket> sockets = new ArrayList<>();
  private AdminServer server;
  private int port;

  private void start(AdminAccess access, long millis) {
    server =
        new AdminServer(access, millis)
            .page(
                "/small",
                "text/plain",
                () -> {
                  asked.incrementAndGet();
                  return "fine\n";
                })
            .page("/large", "text/plain", () -> "x".repeat(32 << 20));
    port = server.start(0);
  }

  @AfterEach
  void stop() throws IOException {
    for (Socket s : sockets) {
      s.close();
    }
    if (server != null) {
      server.close();
    }
  }

  private Socket connect() throws IOException {
    Socket s = new Socket("127.0.0.1", port);
    sockets.add(s);
    return s;
  }

  private Socket send(String request) throws IOException {
    Socket s = connect();
    s.setSoTimeout(20_000);
    s.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
    return s;
  }

  private String get(String path, String... headers) throws IOException {
    StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (String h : headers) {
      request.append(h).append("\r\n");
    }
    return new String(
        send(request.append("\r\n").toString()).getInputStream().readAllBytes(),
        StandardCharsets.ISO_8859_1);
  }

  private static AdminAccess access(String... options) {
    return AdminAccess.of(
        Config.load(String.join(";", options), new File("."), new Properties(), Map.of()));
  }

  @Test
  void hundredsOfConnectionsThatSayNothingKeepNobodyOut() throws IOException {
    start(AdminAccess.local(), LONG);
    for (int i = 0; i < 420; i++) {
      send("GET /sma");
      if (i % 70 == 0) {
        assertThat(get("/small")).startsWith("HTTP/1.1 200");
      }
    }
    assertThat(get("/small")).startsWith("HTTP/1.1 200").endsWith("fine\n");
    assertThat(server.connections()).isLessThanOrEqualTo(32);
  }

  @Test
  void oneThatSendsItsHeadersByteByByteIsEndedInTime() throws IOException {
    start(AdminAccess.local(), 500);
    Socket s = send("GET /small HTTP/1.1\r\nX: ");
    s.setSoTimeout(20);
    int bytes = 0;
    for (boolean open = true; open; bytes++) {
      try {
        s.getOutputStream().write('x');
        open = s.getInputStream().read() >= 0;
      } catch (SocketTimeoutException stillOpen) {
        assertThat(bytes).as("bytes, one each 20 ms").isLessThan(1000);
      } catch (IOException ended) {
        open = false;
      }
    }
    assertThat(server.connections()).isZero();
    assertThat(get("/small")).startsWith("HTTP/1.1 200");
  }

  @Test
  void oneThatDoesNotReadItsAnswerIsEndedInTime() throws IOException {
    start(AdminAccess.local(), 500);
    send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    long deadline = System.nanoTime() + 20_000_000_000L;
    boolean seen = false;
    while (System.nanoTime() < deadline) {
      int open = server.connections();
      seen |= open == 1;
      if (seen && open == 0) {
        break;
      }
    }
    assertThat(seen).isTrue();
    assertThat(server.connections()).isZero();
  }

  @Test
  void aConnectionIsForOneRequest() throws IOException {
    start(AdminAccess.local(), LONG);
    String twice =
        "GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".repeat(2);
    String answer = new String(send(twice).getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(answer.split("HTTP/1.1 200", -1)).hasSize(2);
  }

  @Test
  void withATokenNobodyElseIsAnsweredAndNoPageIsMade() throws IOException {
    start(access("admin.token=" + TOKEN), LONG);
    for (String wrong :
        List.of(
            "X: y",
            "Authorization: Bearer",
            "Authorization: Bearer ",
            "Authorization: " + TOKEN,
            "Authorization: Basic " + TOKEN,
            "Authorization: Bearer " + TOKEN + "x",
            "Authorization: Bearer " + TOKEN.substring(1),
            "Authorization: Bearer " + "x".repeat(4000),
            "Proxy-Authorization: Bearer " + TOKEN)) {
      assertThat(get("/small", wrong))
          .as(wrong)
          .startsWith("HTTP/1.1 401")
          .containsIgnoringCase("WWW-Authenticate: Bearer")
          .doesNotContain(TOKEN);
    }
    assertThat(get("/nothing"))
        .as("nor is it told which pages there are")
        .startsWith("HTTP/1.1 401");
    assertThat(asked.get()).isZero();
    assertThat(get("/small", "Authorization: Bearer " + TOKEN)).startsWith("HTTP/1.1 200");
    assertThat(get("/small", "authorization: bearer " + TOKEN)).startsWith("HTTP/1.1 200");
  }

  @Test
  void aScraperWithTheTokenMayCallItByAnyNameAndABrowserWithoutMayNot() throws IOException {
    start(access("admin.token=" + TOKEN), LONG);
    String request = "GET /small HTTP/1.1\r\nHost: shop.example:9464\r\n";
    assertThat(new String(send(request + "\r\n").getInputStream().readAllBytes()))
        .startsWith("HTTP/1.1 401");
    request += "Authorization: Bearer " + TOKEN + "\r\n\r\n";
    assertThat(new String(send(request).getInputStream().readAllBytes()))
        .startsWith("HTTP/1.1 200");
  }

  @Test
  void anAddressThatOthersCanReachNeedsAToken() throws IOException {
    for (String host : List.of("0.0.0.0", "::", "192.0.2.1")) {
      assertThatThrownBy(() -> access("admin.host=" + host))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContainingAll("weir.admin.host", host, "weir.admin.token", "token-file");
      assertThat(access("admin.host=" + host, "admin.token=" + TOKEN).guarded()).isTrue();
    }
    for (String host : List.of("127.0.0.1", "127.0.0.2", "localhost", "::1")) {
      assertThat(access("admin.host=" + host).guarded()).isFalse();
    }
    assertThatThrownBy(() -> access("admin.host=no such host"))
        .hasMessageContaining("weir.admin.host: 'no such host' is no address");
    Path file = Files.writeString(temp.resolve("token"), TOKEN + "\n");
    assertThat(access("admin.host=0.0.0.0", "admin.token-file=" + file).allows("Bearer " + TOKEN))
        .isTrue();
    assertThatThrownBy(() -> access("admin.token-file=" + temp.resolve("none")))
        .hasMessageContaining("weir.admin.token-file: ")
        .hasMessageContaining("cannot be read");
    assertThatThrownBy(() -> access("admin.token=short"))
        .hasMessageContaining("16 to 512 visible ASCII characters")
        .hasMessageNotContaining("short");
    assertThatThrownBy(() -> access("admin.token=" + TOKEN, "admin.token-file=" + file))
        .hasMessageContaining("both set");
  }
}
