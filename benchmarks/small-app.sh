# Shared by benchmarks/startup and benchmarks/memory; sourced, never run.
# shellcheck shell=bash

# javas VERSION...: the java of each JDK, found by scripts/jdks; the one that runs here when none is named
javas() {
  local v home
  [ $# -gt 0 ] || { echo "${JAVA_HOME:+$JAVA_HOME/bin/}java"; return; }
  for v in "$@"; do
    home=$(CI=1 scripts/jdks "$v" 2>/dev/null | sed -n 's/^WEIR_JDK[0-9]*=//p')
    [ -n "$home" ] || { echo "no JDK $v here: run scripts/jdks" >&2; return 1; }
    echo "$home/bin/java"
  done
}

# small_app DIRECTORY: builds the agent (not with WEIR_BUILT=1), and there the application: the payment service on embedded
# Tomcat, for Java 8
small_app() {
  [ -n "${WEIR_BUILT:-}" ] || mvn -q -B -DskipTests -pl demo-apps -am package >&2
  javac -proc:none -Xlint:-options --release 8 -d "$1" -cp "demo-apps/target/lib/*" \
    demo-apps/src/main/java/com/example/shop/{Payment,Server}.java
}
