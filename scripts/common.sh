# Shared by ./demo, ./verify and the developer commands; sourced, never run.
# shellcheck shell=bash

# File names and what the tests print are UTF-8, whatever the machine's locale: with LC_ALL=C a JVM cannot open a path
# that has letters beyond ASCII in it.
locales=$(locale -a 2>/dev/null || true)
for utf8 in C.UTF-8 C.utf8 en_US.UTF-8; do
  case $'\n'$locales$'\n' in *$'\n'"$utf8"$'\n'*) export LC_ALL=$utf8; break ;; esac
done

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
  install_packages etcd "put etcd and etcdctl on the PATH, or start Docker" etcd-server etcd-client
  say "etcd: $(command -v etcd) ($(etcd --version | sed -n 's/^etcd Version: //p'))"
}

# A real Prometheus with its promtool: on the PATH, else the distribution's package.
need_prometheus() {
  if ! command -v prometheus >/dev/null 2>&1 || ! command -v promtool >/dev/null 2>&1; then
    install_packages prometheus "put prometheus and promtool on the PATH" prometheus
  fi
  say "prometheus: $(command -v prometheus) ($(prometheus --version 2>&1 | sed -n 's/^prometheus, version \([^ ]*\).*/\1/p'))"
}

# install_packages COMMAND OTHERWISE PACKAGE...: the distribution's packages, which bring COMMAND; OTHERWISE is what a
# person can do instead. They would start services of their own on the default ports: tests bring up theirs, so forbid that.
install_packages() {
  local command=$1 otherwise=$2; shift 2
  command -v apt-get >/dev/null 2>&1 || die "no $command: $otherwise, and run this again"
  local sudo=""
  if [ "$(id -u)" != 0 ]; then
    sudo=$(command -v sudo) || die "no $command, and no right to install it: run 'apt-get install $*' as root, or $otherwise"
  fi
  say "$command: none found; installing the distribution's $*"
  local log; log=$(mktemp)
  local policy=/usr/sbin/policy-rc.d made=""
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null && $sudo chmod 755 "$policy" && made=1
  fi
  local rc=0
  { $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1 || rc=$?
  [ -z "$made" ] || $sudo rm -f "$policy"
  if [ $rc != 0 ] || ! command -v "$command" >/dev/null 2>&1; then
    tail -5 "$log" >&2
    die "$command could not be installed (see above): $otherwise, and run this again"
  fi
  rm -f "$log"
}

# processes_of FOLDER: ids of the processes that have FOLDER in their command line, taken as it is, not as a pattern
processes_of() {
  ps -ww -eo pid=,args= | FOLDER=$1 awk 'index($0, ENVIRON["FOLDER"]) { print $1 }'
}

# files_of FOLDER: the files below it, sorted, but for what builds, git and editors keep there (target, .git, ...); needs no git
files_of() {
  (cd "$1" && find . \( -name target -o -name .git -o -name .idea -o -name .vscode -o -name .work \) -prune -o \
    -type f ! -name dependency-reduced-pom.xml ! -name '*.iml' -print) | LC_ALL=C sort
}

# files_added FOLDER BEFORE: those that were not there when BEFORE was written by files_of
files_added() {
  files_of "$1" | LC_ALL=C comm -13 "$2" -
}
