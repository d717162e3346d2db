# Shared by ./demo, ./verify and the developer commands; sourced, never run.
# shellcheck shell=bash

say()  { printf '\033[1m%s\033[0m\n' "weir: $*"; }
die()  { printf 'weir: %s\n' "$*" >&2; exit 1; }
if [ -n "${NO_COLOR:-}" ] || [ ! -t 1 ]; then say() { printf 'weir: %s\n' "$*"; }; fi

need_java_and_maven() {
  command -v java >/dev/null 2>&1 || die "no java on the PATH: install a JDK 17 or newer (Debian: apt-get install openjdk-17-jdk-headless)"
  command -v javac >/dev/null 2>&1 || die "java is there but javac is not: install a JDK, not only a runtime (Debian: apt-get install openjdk-17-jdk-headless)"
  local v
  v=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')
  case "$v" in 1.*|9|1[0-6]) die "java $v is too old to build with: set JAVA_HOME and PATH to a JDK 17 or newer";; esac
  command -v mvn >/dev/null 2>&1 || die "no mvn on the PATH: install Maven 3.8 or newer (Debian: apt-get install maven)"
}

# A real etcd: on the PATH, else a Docker engine that answers (the tests start it through Testcontainers), else the
# distribution's package. $1 = "path" when the binary itself is needed.
need_etcd() {
  if command -v etcd >/dev/null 2>&1 && command -v etcdctl >/dev/null 2>&1; then
    say "etcd: $(command -v etcd) ($(etcd --version | sed -n 's/^etcd Version: //p'))"
    return
  fi
  if [ "${1:-}" != path ] && command -v docker >/dev/null 2>&1 && timeout 10 docker info >/dev/null 2>&1; then
    say "etcd: none on the PATH, Docker answers: the tests run it in a container"
    return
  fi
  command -v apt-get >/dev/null 2>&1 || die "no etcd: put etcd and etcdctl on the PATH, or start Docker, and run this again"
  local sudo=""
  if [ "$(id -u)" != 0 ]; then
    sudo=$(command -v sudo) || die "no etcd, and no right to install it: run 'apt-get install etcd-server etcd-client' as root, or start Docker"
  fi
  say "etcd: none on the PATH and no Docker; installing the distribution's etcd-server and etcd-client"
  local log; log=$(mktemp)
  # the package would start a service of its own on the default port: tests bring up theirs, so forbid that
  local policy=/usr/sbin/policy-rc.d made=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy" && made=1
  fi
  local rc=0
  { $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq etcd-server etcd-client; } >"$log" 2>&1 || rc=$?
  [ -z "$made" ] || $sudo rm -f "$policy"
  if [ $rc != 0 ] || ! command -v etcd >/dev/null 2>&1; then
    tail -5 "$log" >&2
    die "etcd could not be installed (see above): put etcd and etcdctl on the PATH, or start Docker, and run this again"
  fi
  rm -f "$log"
  say "etcd: $(command -v etcd) ($(etcd --version | sed -n 's/^etcd Version: //p'))"
}
