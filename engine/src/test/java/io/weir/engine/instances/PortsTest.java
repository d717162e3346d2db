package io.weir.engine.instances;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PortsTest {
  private final List<String> told = new ArrayList<>();
  private final Ports ports = new Ports();
  private final Ports.Sink sink =
      new Ports.Sink() {
        @Override
        public void listening(String protocol, String host, int port) {
          told.add(protocol + " " + host + " " + port);
        }

        @Override
        public void stopped(int port) {
          told.add("stopped " + port);
        }
      };

  @Test
  void whoComesLateIsToldWhatListensAlready() {
    ports.listening("http", null, 1);
    ports.listening("grpc", "127.0.0.1", 9090);
    ports.listening("http", null, 8080);
    ports.stopped(9090);
    ports.follow(sink);
    assertThat(told).containsExactly("http null 1", "http null 8080");
  }

  @Test
  void whoFollowsIsToldEveryChangeOnce() {
    ports.follow(sink);
    ports.listening("http", "h", 8080);
    ports.listening("grpc", "other", 8080);
    ports.listening("http", null, 0);
    ports.listening("http", null, -1);
    ports.stopped(1);
    ports.stopped(8080);
    ports.stopped(8080);
    ports.listening("grpc", null, 8080);
    assertThat(told).containsExactly("http h 8080", "stopped 8080", "grpc null 8080");
  }
}
