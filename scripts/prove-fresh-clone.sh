#!/usr/bin/env bash
# Proves the README's first command where only Node >= 20 and npm exist: a fresh clone, an empty npm cache,
# `npm start -- --once --json` twice, the same numbers both times.
#   scripts/prove-fresh-clone.sh [root] [private] [user]      (default: all three; needs root)
#   root     as root in an ordinary folder
#   private  as root in a folder of mode 0700
#   user     as a user who is not root
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
modes=("$@")
[ ${#modes[@]} -gt 0 ] || modes=(root private user)
temporary=$(mktemp -d /tmp/tapescope-clone.XXXXXX)
chmod 755 "$temporary"
account=tapescope-trial
passed=0

cleanup() {
  # Where root's PostgreSQL cannot enter the clone, its data lies in a folder that the clone names.
  local place shelter
  for place in "$temporary"/*/tapescope/.tapescope/postgres/place; do
    [ -f "$place" ] || continue
    shelter=$(cat "$place")
    case "$shelter" in */tapescope/????????-????-????-????-????????????) rm -rf "$shelter" ;; esac
  done
  rm -rf "$temporary"
  if id "$account" >/dev/null 2>&1; then userdel "$account" 2>/dev/null || true; fi
}
trap cleanup EXIT

# Ports differ from the defaults so that a running Tapescope does not decide the outcome.
export TAPESCOPE_PORT=18080 TAPESCOPE_OTLP_PORT=14318 TAPESCOPE_VIEWER_PORT=14319 \
  TAPESCOPE_PROMETHEUS_PORT=18889 TAPESCOPE_HEALTH_PORT=23133 TAPESCOPE_SIDECAR_METRICS_PORT=18888

for mode in "${modes[@]}"; do
  home="$temporary/$mode"
  mkdir -p "$home/cache"
  git clone --quiet "$repository" "$home/tapescope"
  as=()
  case "$mode" in
    root) chmod 755 "$home" ;;
    private) chmod 700 "$home" ;;
    user)
      id "$account" >/dev/null 2>&1 || useradd --no-create-home --home-dir "$home" "$account"
      chown -R "$account" "$home"
      as=(setpriv "--reuid=$account" "--regid=$account" --init-groups)
      ;;
    *) echo "unknown mode: $mode (root, private, user)" >&2; exit 2 ;;
  esac
  cd "$home/tapescope"
  for run in 1 2; do
    HOME="$home" npm_config_cache="$home/cache" npm_config_userconfig=/dev/null \
      "${as[@]}" npm start --silent -- --once --json >"$home/out$run.json" 2>"$home/err$run.log" || {
      echo "FAILED: npm start as $mode, run $run" >&2
      tail -n 40 "$home/err$run.log" >&2
      exit 1
    }
  done
  node -e '
    const { readFileSync } = require("node:fs")
    const [one, two] = process.argv.slice(1, 3).map((file) => JSON.parse(readFileSync(file, "utf8")))
    const same = ({ trace_ids, duration_ms, urls, ...numbers }) => JSON.stringify(numbers)
    if (one.bars !== 5105) throw new Error("bars: " + one.bars)
    if (!(one.backtest.trades > 0)) throw new Error("no trades")
    if (same(one) !== same(two)) throw new Error("two runs differ:\n" + same(one) + "\n" + same(two))
    console.log(process.argv[3] + ": " + same(one))
  ' "$home/out1.json" "$home/out2.json" "$mode"
  if grep -niE 'export(er)? .*(error|fail)|ECONNREFUSED' "$home"/err?.log; then
    echo "FAILED: the log of $mode names an export error" >&2
    exit 1
  fi
  passed=$((passed + 1))
  cd /
done
echo "fresh clone: $passed of ${#modes[@]} modes work"
