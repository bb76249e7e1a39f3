#!/usr/bin/env python3
"""Benchmarks beside the best single-purpose clients, in interleaved rounds on this machine.

  ninja -C build/release benchmarks
  python3 tests/bench/bench.py --list
  python3 tests/bench/bench.py W1 R1 [--rounds N] [--size MIB] [--rtt MS] [--binary PATH] [--folder DIR]

Servers run on loopback, at the far end of a line of 50 ms where the row says so (needs root; --rtt 0: no line). Every
figure is a median over the rounds; a ratio is ours to the other's of the same round, with the least and the greatest.
Prints Markdown for docs/BENCHMARKS.md. A client that is not installed is left out, and the row says so.
"""

import argparse
import os
import signal
import sys
import time
import traceback

import rows_clouds
import rows_crash
import rows_large
import rows_names
import rows_reads
import rows_small
from lab import HEAD, Lab, Skip

GROUPS = {}
for module in (rows_large, rows_small, rows_clouds, rows_reads, rows_names, rows_crash):
    GROUPS.update(module.GROUPS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="all if none is named")
    parser.add_argument("--list", action="store_true", help="the groups")
    parser.add_argument("--binary", default=os.path.join(here, "../../build/release/bin/oracxfs"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=512, help="MiB of a large file")
    parser.add_argument("--rtt", type=float, default=None, help="ms, instead of each group's own")
    parser.add_argument("--folder", default=None, help="where to keep files meanwhile")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the limit, without rclone and sshfs")
    arguments = parser.parse_args()
    if arguments.list:
        for name, group in GROUPS.items():
            print("%-9s %3d ms  %s" % (name, group.rtt, group.__doc__.strip().split("\n")[0]))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(130))  # what was mounted and started is ended on the way out
    arguments.binary = os.path.abspath(arguments.binary)
    unknown = [name for name in arguments.groups if name not in GROUPS]
    if unknown:
        parser.error("no such group: " + ", ".join(unknown))
    failed = 0
    print(HEAD, flush=True)
    for name in arguments.groups or GROUPS:
        group = GROUPS[name]
        begin = time.monotonic()
        try:
            with Lab(arguments, group.rtt if arguments.rtt is None else arguments.rtt) as lab:
                for figures in group(lab):
                    for line in figures.lines():
                        print(line, flush=True)
        except Skip as reason:
            print("| %s | skipped: %s | | | | |" % (name, reason), flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
        print("%s: %.0f s, load %.1f" % (name, time.monotonic() - begin, os.getloadavg()[0]), file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
