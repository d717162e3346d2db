package io.weir.control.testing;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EtcdServerTest {
  @Test
  void keepsItsDataOverAKillAndLosesItWhenWiped() {
    try (EtcdServer etcd = EtcdServer.start()) {
      etcd.ctl("put", "/a", "1");
      etcd.kill();
      etcd.restart();
      assertThat(etcd.ctl("get", "/a", "--print-value-only").trim()).isEqualTo("1");
      etcd.freeze();
      etcd.thaw();
      etcd.wipe();
      etcd.restart();
      assertThat(etcd.ctl("get", "/a")).isEmpty();
    }
  }

  @Test
  void aProxyCutsAndRefuses() {
    try (EtcdServer etcd = EtcdServer.start();
        TcpProxy proxy = new TcpProxy(etcd.port())) {
      etcd.ctl("put", "/a", "1");
      assertThat(etcd.ctl("--endpoints=" + proxy.endpoint(), "get", "/a")).contains("1");
      proxy.refuse(true);
      assertThat(proxy.accepted()).isPositive();
    }
  }
}
