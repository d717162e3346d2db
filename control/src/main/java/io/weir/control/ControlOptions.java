package io.weir.control;

import io.weir.control.etcd.EtcdOptions;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The configuration of the control plane. Immutable. */
public final class ControlOptions {
  /** This JVM's service name. */
  public final String service;

  /** The unique name of this instance in the fleet; empty: it publishes no status. */
  public final String instance;

  public final String agentVersion;

  /** The configured paths of health checks, for the status; null: the default paths. */
  public final @Nullable List<String> healthPaths;

  /** Addresses that no default rule is about, for the status; null: only the usual ones. */
  public final @Nullable List<String> infrastructure;

  /** The directory of rule files; null: rules do not come from files. */
  public final @Nullable Path directory;

  /** The etcd of the rules; null: rules do not come from etcd. Both null: there are no rules. */
  public final @Nullable EtcdOptions etcd;

  /** Where the last good rules are kept for a cold start without etcd; null: nowhere. */
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
     * @throws IllegalArgumentException both a directory and etcd are given
     */
    public ControlOptions build() {
      return new ControlOptions(this);
    }
  }
}
