#!/bin/bash
# Records the terminal session of docs/cli.md: an etcd and two JVMs under the agent, on loopback
# ports, and the commands below. Package module agent first. Everything it starts ends with it.
set -u
cd "$(dirname "$0")/.."
root=$PWD
jar=${WEIR_JAR:-$root/agent/target/weir.jar}
unset WEIR_JAR # or each command would call it an unknown property
[ -f "$jar" ] || { echo "no $jar: mvn -pl agent -am package -DskipTests" >&2; exit 1; }
work=$(mktemp -d)
pids=()
finish() { kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"; }
trap finish EXIT
free() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
client=$(free); peer=$(free)
etcd --data-dir "$work/etcd" --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$client" \
  --advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peer" \
  --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" >"$work/etcd.log" 2>&1 &
pids+=($!)
export WEIR_ETCD_ENDPOINTS=http://127.0.0.1:$client HOSTNAME=laptop
cd "$work"
cat >Idle.java <<'J'
public class Idle { public static void main(String[] a) throws Exception { Thread.sleep(300000); } }
J
javac Idle.java
for port in 8081 8082; do
  java -javaagent:"$jar=service=shop;instance.address=127.0.0.1:$port;log=warn" -cp . Idle 2>"$port.log" &
  pids+=($!)
done
jvm=${pids[1]}
weir() { java -XX:TieredStopAtLevel=1 -jar "$jar" "$@"; }
for i in $(seq 60); do
  [ "$(weir status -o json 2>/dev/null | grep -c '"agent"')" = 2 ] && break
  sleep 0.5
done
# the two serve nothing, so nobody registers them
for port in 8081 8082; do
  etcdctl --endpoints="$WEIR_ETCD_ENDPOINTS" put "/services/shop/instances/127.0.0.1:$port" \
    "{\"version\": \"v$((port - 8080))\"}" >/dev/null
done
# a JVM without the agent, to attach to
java -cp . Idle 2>plain.log &
pids+=($!)
plain=${pids[3]}
# an access log of a million lines: ten users, one of them too fast; two minutes of it fail
awk 'BEGIN { for (i = 0; i < 1000000; i++) { s = int(i / 1000); u = i % 3 == 0 ? i % 10 : 7;
  c = s >= 300 && s < 420 ? 503 : 200;
  printf "10.0.0.%d - - [14/Nov/2023:%02d:%02d:%02d +0000] \"GET /api/orders?user=%d HTTP/1.1\" %d 512\n",
  u, 8 + int(s / 3600), int(s / 60) % 60, s % 60, u, c } }' >access.log

session() {
  run() {
    local line="weir"
    for word in "$@"; do
      case $word in *[\ \?\&\'\;]*) line="$line '$word'" ;; *) line="$line $word" ;; esac
    done
    echo "\$ $line"
    weir "$@" 2>&1
    local code=$?
    [ $code = 0 ] || echo "(exit code $code)"
    echo
  }
  edit() { echo "\$ sed -i '$1' $2"; sed -i "$1" "$2"; echo; }
  run version
  run init --service shop
  run validate weir-rules
  run lint weir-rules
  run push weir-rules -m 'first rules, in shadow mode' --wait
  edit 's/qps: 100 /qps: -5  /' weir-rules/service/shop/rate-limit.yaml
  run validate weir-rules
  edit 's/qps: -5  /qps: 400 /' weir-rules/service/shop/rate-limit.yaml
  run diff weir-rules
  run simulate --service shop --with weir-rules access.log
  run push weir-rules -m 'as measured last week' --wait
  run explain shop '/api/orders?user=7' --times 250
  run enforce shop/rate-limit --wait
  run explain shop '/api/orders?user=7' --times 250
  run push weir-rules -m 'from the files of yesterday'
  run pull weir-rules
  run shadow shop/rate-limit -m 'too strict for the sale'
  edit 's/qps: 400 /qps: 300 /' weir-rules/service/shop/rate-limit.yaml
  run push weir-rules -m 'from an old copy'
  run canary set shop v3 5 --stable v1
  run canary set shop v2 5 -m 'a first look at v2'
  run status
  run top --count 1
  run dashboards export
  run history -n 3
  run rollback -m 'v2 is not ready'
  run doctor "$jvm"
  run attach "$plain" --options 'service=legacy;instance.address=127.0.0.1:8083;log=warn'
  run config --origins
  run instrumentations
  run demo
  run status legacy
  echo '$ weir completion | head -n 3'
  weir completion 2>/dev/null | head -n 3
  echo
}
session >session.txt
sed -e "s#http://127.0.0.1:$client#http://127.0.0.1:2379#g" -e "s#\b$jvm\b#4711#g" -e "s#\b$plain\b#4712#g" \
  -e "s#$work/##g" -e "s#$jar#/opt/weir/weir.jar#g" -e "s#at /[^ ]*jvm/[^ ,]*#at \$JAVA_HOME#" -e 's/[ ]*$//' session.txt >clean.txt
python3 - "$root/docs/cli.md" clean.txt <<'P'
import sys
page, session = open(sys.argv[1]).read(), open(sys.argv[2]).read().rstrip()
mark = "<!-- generated:session -->\n"
a = page.index(mark) + len(mark)
b = page.index("<!-- end -->", a)
open(sys.argv[1], "w").write(page[:a] + "```\n" + session + "\n```\n" + page[b:])
P
echo "docs/cli.md: $(grep -c '^\$' clean.txt) commands recorded"
