package io.weir.control.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.weir.control.loop.Log;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpProbeTest {
  @ParameterizedTest
  @CsvSource({"127.0.0.1, 127.0.0.1", "::1, [0:0:0:0:0:0:0:1]"})
  void theHostHeaderNamesTheAddressAndThePort(String address, String host) throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName(address))) {
      CompletableFuture<List<String>> request = new CompletableFuture<>();
      Thread thread = new Thread(() -> answer(server, request));
      thread.start();
      assertThat(
              new HttpProbe(server.getInetAddress(), server.getLocalPort(), "/healthz", Log.NONE)
                  .check())
          .isNull();
      assertThat(request.get(20, TimeUnit.SECONDS))
          .startsWith("GET /healthz HTTP/1.1")
          .contains("Host: " + host + ":" + server.getLocalPort());
      thread.join();
    }
  }

  @Test
  void theHostHeaderHasNoZone() throws Exception {
    byte[] linkLocal = InetAddress.getByName("fe80::1").getAddress();
    assertThat(HttpProbe.host(Inet6Address.getByAddress(null, linkLocal, 2)))
        .isEqualTo("[fe80:0:0:0:0:0:0:1]");
  }

  private static void answer(ServerSocket server, CompletableFuture<List<String>> request) {
    try (Socket s = server.accept()) {
      BufferedReader in =
          new BufferedReader(new InputStreamReader(s.getInputStream(), StandardCharsets.US_ASCII));
      List<String> lines = new ArrayList<>();
      for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
        lines.add(line);
      }
      s.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      request.complete(lines);
    } catch (Throwable t) {
      request.completeExceptionally(t);
    }
  }
}
