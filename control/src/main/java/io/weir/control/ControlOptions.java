package io.weir.control;

import io.weir.control.etcd.EtcdOptions;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the control plane needs to know. Immutable. */
public final class ControlOptions {
  /** This JVM's service name. */
  public final String service;

  /** Names this instance in the fleet, {@code host:port} where it serves one. */
  public final String instance;

  public final String agentVersion;

  /** What this instance takes for health checks, for its status; null: the default paths. */
  public final @Nullable List<String> healthPaths;

  /** Addresses that no default rule is about, for its status; null: only the usual ones. */
  public final @Nullable List<String> infrastructure;

  /** Rules come from here, or null. */
  public final @Nullable Path directory;

  /** Rules come from here, or null. Where both are null there are none. */
  public final @Nullable EtcdOptions etcd;

  /** Where the last good rules are kept for a cold start without etcd, or null. */
  public final @Nullable Path snapshotDirectory;

  private ControlOptions(Builder b) {
    service = b.service;
    instance = b.instance;
    agentVersion = b.agentVersion;
    healthPaths = b.healthPaths;
    infrastructure = b.infrastructure;
    directory = b.directory;
    etcd = b.etcd;
    snapshotDirectory = b.snapshotDirectory;
    if (directory != null && etcd != null) {
      throw new IllegalArgumentException("rules come from a directory or from etcd, not both");
    }
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Single-threaded. */
  public static final class Builder {
    private String service = "";
    private String instance = "";
    private String agentVersion = "";
    private @Nullable List<String> healthPaths;
    private @Nullable List<String> infrastructure;
    private @Nullable Path directory;
    private @Nullable EtcdOptions etcd;
    private @Nullable Path snapshotDirectory;

    public Builder service(String v) {
      service = v;
      return this;
    }

    public Builder instance(String v) {
      instance = v;
      return this;
    }

    public Builder agentVersion(String v) {
      agentVersion = v;
      return this;
    }

    public Builder healthPaths(@Nullable List<String> v) {
      healthPaths = v;
      return this;
    }

    public Builder infrastructure(@Nullable List<String> v) {
      infrastructure = v;
      return this;
    }

    public Builder directory(Path v) {
      directory = v;
      return this;
    }

    public Builder etcd(EtcdOptions v) {
      etcd = v;
      return this;
    }

    public Builder snapshotDirectory(@Nullable Path v) {
      snapshotDirectory = v;
      return this;
    }

    /**
     * @throws IllegalArgumentException where two sources of rules are given
     */
    public ControlOptions build() {
      return new ControlOptions(this);
    }
  }
}
