#!/usr/bin/env bash
# Builds everything and runs all tests. The last lines are ctest's own summary; the exit code is ctest's.
#
#   ./test.sh                  the release preset, all tests
#   ./test.sh --quick          unit tests only
#   ./test.sh --preset NAME    another preset: dev (address and undefined-behaviour sanitizers), tsan, clang
#
# Missing Debian packages are installed first; only that needs root or sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' test.sh
}

preset=release
selection=()
while [ $# -gt 0 ]; do
    case "$1" in
        --preset)
            [ $# -ge 2 ] || { usage >&2; exit 2; }
            preset=$2
            shift
            ;;
        --preset=*) preset=${1#--preset=} ;;
        --quick) selection=(--label-regex '^unit$') ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            echo "test.sh: unknown option: $1" >&2
            usage >&2
            exit 2
            ;;
    esac
    shift
done

# shellcheck source=scripts/packages.sh
. scripts/packages.sh
install_build_packages
install_test_packages
if [ "$preset" = clang ]; then oracxfs_install clang; fi

cmake --preset "$preset" -DORACXFS_TESTS=ON
cmake --build --preset "$preset" --parallel "$(nproc)"
# Most tests wait more than they compute.
log=build/$preset/Testing/output.txt
mkdir -p "${log%/*}"
code=0
ctest --preset "$preset" --parallel 4 --no-tests=error "${selection[@]}" 2>&1 | tee "$log" || code=${PIPESTATUS[0]}
[ "$code" -eq 0 ] || scripts/failed-tests.sh "$log"
exit "$code"
