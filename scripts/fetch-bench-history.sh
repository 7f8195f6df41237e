#!/usr/bin/env bash
# scripts/fetch-bench-history.sh OWNER/REPO FOLDER [RUNS]: downloads the results that the newest RUNS (20) runs on main
# kept, and prints their files oldest first, as `npm run gate -- --history` wants them. Needs `gh`, signed in.
# No kept result is no error: a new repository has no history.
set -euo pipefail
if [ $# -lt 2 ]; then echo "usage: $0 OWNER/REPO FOLDER [RUNS]" >&2; exit 2; fi
repository=$1 folder=$2 runs=${3:-20}
mkdir -p "$folder"
for id in $(gh run list --repo "$repository" --workflow benchmarks.yaml --branch main --status success --limit "$runs" --json databaseId --jq '.[].databaseId' | sort -n); do
  # A run whose results have expired is left out.
  gh run download "$id" --repo "$repository" --name bench-result --dir "$folder/$id" >/dev/null 2>&1 || continue
  printf '%s\n' "$folder/$id/bench.json"
done
