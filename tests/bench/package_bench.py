#!/usr/bin/env python3
"""Packaging beside other programs: time, CPU and size of one tree of mixed data, in interleaved rounds.

    ninja -C build/release package_bench && python3 tests/bench/package_bench.py [--rounds 3] [--binary PATH] [--keep DIR]

The tree (about 300 MB) is made from this machine's documentation, libraries and scripts, and a SQLite database. All
programs read it from the page cache and write to the same disk. 7-Zip's best takes minutes; --no-7z leaves it out.
"""

import argparse
import os
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20


def copy_some(source, target, limit, wanted=lambda path: True):
    total = 0
    for root, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            if os.path.islink(path) or not os.path.isfile(path) or not wanted(path):
                continue
            size = os.path.getsize(path)
            if size > 30 * MIB:
                continue
            if total + size > limit:
                return total
            copy = os.path.join(target, os.path.relpath(path, source))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(path, copy)
            total += size
    return total


def make_database(path):
    """What programs keep: an inventory of this machine's files, and the log of a web shop."""
    draw = random.Random(7)
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE file(id INTEGER PRIMARY KEY, path TEXT, bytes INTEGER, modified INTEGER, mode INTEGER, seen TEXT);"
        "CREATE TABLE request(id INTEGER PRIMARY KEY, at TEXT, client TEXT, method TEXT, path TEXT, status INTEGER, ms REAL, agent TEXT);"
        "CREATE UNIQUE INDEX by_path ON file(path); CREATE INDEX by_client ON request(client, at);"
    )
    for root, folders, files in os.walk("/usr"):
        folders.sort()
        for name in sorted(files):
            status = os.lstat(os.path.join(root, name))
            row = (os.path.join(root, name), status.st_size, int(status.st_mtime), status.st_mode, "2025-01-05T06:00:00Z")
            db.execute("INSERT INTO file(path, bytes, modified, mode, seen) VALUES(?,?,?,?,?)", row)
    agents = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0" for v in range(100, 130)]
    clients = [f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}" for _ in range(2000)]
    pages = ["/", "/basket", "/search?q=", "/item/", "/static/app.css", "/static/app.js", "/api/stock/", "/checkout"]
    now = 1700000000.0
    while os.path.getsize(path) < 84 * MIB:
        for _ in range(20_000):
            now += draw.expovariate(3)
            page = draw.choice(pages)
            page += str(draw.randrange(5000)) if page.endswith(("/", "=")) and len(page) > 1 else ""
            row = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)), draw.choice(clients), draw.choice(["GET", "GET", "GET", "POST"]), page,
                   draw.choice([200, 200, 200, 200, 304, 302, 404]), round(draw.lognormvariate(2, 1), 1), draw.choice(agents))
            db.execute("INSERT INTO request(at, client, method, path, status, ms, agent) VALUES(?,?,?,?,?,?,?)", row)
        db.commit()
    db.execute("VACUUM")  # so that the copy that a package holds has no advantage
    db.close()


def make_tree(target):
    os.makedirs(target)
    copy_some("/usr/share/doc", os.path.join(target, "doc"), 90 * MIB)
    copy_some("/usr/lib", os.path.join(target, "lib"), 95 * MIB, lambda path: ".so" in os.path.basename(path))
    copy_some("/usr/lib/python3.11", os.path.join(target, "python"), 12 * MIB, lambda path: path.endswith(".py"))
    copy_some("/usr/share/perl", os.path.join(target, "perl"), 12 * MIB)
    make_database(os.path.join(target, "shop.db"))


def measure(command, cwd):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


PYTHON = """
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for root, folders, files in os.walk('tree'):
        for name in files:
            archive.write(os.path.join(root, name))
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", default=os.path.join("build", "release", "bin", "package_bench"))
    parser.add_argument("--keep", help="a folder that keeps the tree for the next time")
    parser.add_argument("--no-7z", action="store_true")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as scratch:
        base = os.path.abspath(options.keep) if options.keep else scratch
        os.makedirs(base, exist_ok=True)
        if not os.path.isdir(os.path.join(base, "tree")):
            make_tree(os.path.join(base, "tree"))
        size = int(subprocess.run(["du", "-sb", "--apparent-size", "tree"], cwd=base, capture_output=True, check=True).stdout.split()[0])
        count = sum(len(files) for _, _, files in os.walk(os.path.join(base, "tree")))
        out = os.path.join(scratch, "out.zip")
        contenders = [
            ("`zip -9`", ["zip", "-9", "-q", "-r", out, "tree"]),
            ("oracxfs `max`, 2 threads", [binary, "max", "2", out, "tree"]),
            ("oracxfs `max`, 1 thread", [binary, "max", "1", out, "tree"]),
            ("oracxfs `balanced`, 2 threads", [binary, "balanced", "2", out, "tree"]),
            ("oracxfs `store`", [binary, "store", "2", out, "tree"]),
            ("Python `zipfile`, level 9", [sys.executable, "-c", PYTHON, out]),
        ]
        if not options.no_7z:
            contenders.append(("`7z a -tzip -mx=9 -mmt=2`", ["7z", "a", "-tzip", "-mx=9", "-mmt=2", "-bd", out, "tree"]))
        results = {name: [] for name, _ in contenders}
        for _ in range(options.rounds):
            for name, command in contenders:
                if os.path.exists(out):
                    os.unlink(out)
                wall, cpu = measure(command, base)
                results[name].append((wall, cpu, os.path.getsize(out)))
                print(f"{name}: {wall:.1f} s, CPU {cpu:.1f} s, {os.path.getsize(out)} bytes", file=sys.stderr)
        reference = results["`zip -9`"]
        print(f"{size / MIB:.0f} MiB, {count} files, {os.cpu_count()} cores, {options.rounds} rounds\n")
        print("| program | wall s | to `zip -9` | CPU s | to `zip -9` | size | to `zip -9` |")
        print("|---|---|---|---|---|---|---|")
        for name, runs in results.items():
            walls = statistics.median(run[0] for run in runs)
            cpus = statistics.median(run[1] for run in runs)
            wall_ratio = statistics.median(run[0] / other[0] for run, other in zip(runs, reference))
            cpu_ratio = statistics.median(run[1] / other[1] for run, other in zip(runs, reference))
            print(f"| {name} | {walls:.1f} | {wall_ratio:.2f} | {cpus:.1f} | {cpu_ratio:.2f} | "
                  f"{runs[0][2] / MIB:.1f} MiB | {runs[0][2] / reference[0][2]:.3f} |")


if __name__ == "__main__":
    main()
