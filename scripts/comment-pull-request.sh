#!/usr/bin/env bash
# scripts/comment-pull-request.sh OWNER/REPO NUMBER FILE: writes FILE as the gate's comment on a pull request.
# The comment is found again by the marker in its first line and updated in place. Needs `gh`, signed in.
set -euo pipefail
if [ $# -ne 3 ]; then echo "usage: $0 OWNER/REPO NUMBER FILE" >&2; exit 2; fi
repository=$1 number=$2 file=$3
marker=$(head -n 1 "$file")
case $marker in
  '<!-- '*' -->') ;;
  *) echo "$file does not begin with a marker: is it what npm run gate -- --comment wrote?" >&2; exit 2 ;;
esac
id=$(gh api "repos/$repository/issues/$number/comments" --paginate --jq ".[] | select(.body | startswith(\"$marker\")) | .id" | head -n 1)
if [ -n "$id" ]; then
  gh api --method PATCH "repos/$repository/issues/comments/$id" --field "body=@$file" --jq .html_url
else
  gh api "repos/$repository/issues/$number/comments" --field "body=@$file" --jq .html_url
fi
