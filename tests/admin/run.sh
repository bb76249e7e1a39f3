#!/bin/bash
# Runs the tests of the web admin in a browser; 77: skipped, with the reason. ORACXFS_BINARY, ORACXFS_CLOUD_EMULATORS as in ctest.
#   run.sh                 all
#   run.sh overview live   some
set -u
cd "$(dirname "$0")" || exit 1

skip() {
    echo "skipped: $1"
    exit 77
}
command -v node >/dev/null || skip "node is missing (Debian: nodejs)"
[ -d node_modules/playwright-core ] || {
    command -v npm >/dev/null || skip "npm is missing (Debian: npm)"
    npm ci --no-audit --no-fund --silent || skip "npm ci failed"
}
files=()
for name in "${@:-}"; do
    [ -n "$name" ] && files+=("$name.test.mjs")
done
[ ${#files[@]} -gt 0 ] || files=(*.test.mjs)
# One after the other: each has a daemon, servers and a browser of its own.
for file in "${files[@]}"; do
    node --test "$file" || failed=1
done
exit "${failed:-0}"
