#!/usr/bin/env bash
# What failed in a run of ctest, below thousands of lines of what did not: for each failed test the last lines that it
# printed, and then once more ctest's own closing lines.
#
#   scripts/failed-tests.sh FILE      FILE: what ctest printed, with --output-on-failure
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
awk -v kept=60 '
    # A result, then (of a failed test only) its output up to the next line of ctest.
    /^ *[0-9]+\/[0-9]+ +Test +#[0-9]+:/ { flush(); title = ""; lines = 0; if (/\*\*\*(Failed|Timeout|Exception)/) { title = $0; sub(/ \.\.\.+/, " ", title) } next }
    /^( *Start +[0-9]+:|[0-9]+% tests passed)/ { flush(); title = ""; next }
    title != "" { line[lines++ % kept] = $0 }
    function flush(   i) {
        if (title == "") return
        print ""; print title
        for (i = lines > kept ? lines - kept : 0; i < lines; ++i) print "    " substr(line[i % kept], 1, 400)
    }' "$1"
echo
sed -n '/^[0-9]\{1,3\}% tests passed/,$p' "$1" | awk '/did not run:$/ { skip = 1 } /tests FAILED:$/ { skip = 0 } !skip'
