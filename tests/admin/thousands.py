"""Thousands of backups in no time: one that oracxfs made is multiplied in its catalogue and at its local places, an hour
between one and the next. The daemon must not run meanwhile; it finds nothing that it would have to put right."""

import datetime
import os
import sqlite3

HOUR = 3600
A_DAY_MS = 24 * HOUR * 1000


def multiply(fs, count, broken_every=0):
    """Until there are `count`. Of each `broken_every`th but the first, the copy at the last place is known to be missing (tried
    again tomorrow). Returns the names, newest first."""
    with sqlite3.connect(os.path.join(fs.home, "catalog.db")) as catalogue:
        catalogue.row_factory = sqlite3.Row
        node = catalogue.execute("SELECT node.* FROM node JOIN package ON package.node = node.id").fetchone()
        version = catalogue.execute("SELECT * FROM version WHERE id = ?", (node["version"],)).fetchone()
        replicas = catalogue.execute("SELECT replica.*, provider.name AS place FROM replica JOIN provider ON provider.id = provider "
                                     "WHERE version = ? ORDER BY provider", (version["id"],)).fetchall()
        package = catalogue.execute("SELECT * FROM package WHERE node = ?", (node["id"],)).fetchone()
        digest = catalogue.execute("SELECT * FROM digest WHERE version = ?", (version["id"],)).fetchone()
        index = catalogue.execute("SELECT * FROM package_index WHERE version = ?", (version["id"],)).fetchone()
        next_node, next_version = catalogue.execute("SELECT next_node, next_version FROM installation").fetchone()
        bytes_of_it = {row["place"]: _read(fs.at(row["place"], os.fsdecode(row["key"]))) for row in replicas}
        names = [os.fsdecode(node["name"])]
        for number in range(1, count):
            made = package["made_ms"] // 1000 - number * HOUR
            name = _name_at(names[0], made)
            names.append(name)
            one = {"id": next_node + number, "version": next_version + number}
            _copy(catalogue, "version", version, id=one["version"], node=one["id"], staged="", created_ms=made * 1000)
            _copy(catalogue, "node", node, id=one["id"], version=one["version"], name=os.fsencode(name), mtime_ns=made * 10**9)
            _copy(catalogue, "package", package, node=one["id"], version=one["version"], made_ms=made * 1000, run=0)
            _copy(catalogue, "digest", digest, version=one["version"])
            _copy(catalogue, "package_index", index, version=one["version"])
            for row in replicas:
                values = {"version": one["version"], "key": os.fsencode(name), "verified_ms": made * 1000}
                if broken_every and number % broken_every == 0 and row is replicas[-1]:
                    values.update(state="missing", key=b"", remote_id="", remote_rev="", verified_ms=None, due_ms=row["verified_ms"] + A_DAY_MS)
                else:
                    path = fs.at(row["place"], name)
                    _write(path, bytes_of_it[row["place"]], made)
                    there = os.stat(path)
                    values.update(remote_mtime_ns=there.st_mtime_ns, remote_rev="%d-%d.%d-%d" % (
                        there.st_size, there.st_mtime_ns // 10**9, there.st_mtime_ns % 10**9, there.st_ino))
                _copy(catalogue, "replica", {key: row[key] for key in row.keys() if key != "place"}, **values)
        catalogue.execute("UPDATE installation SET next_node = ?, next_version = ?", (next_node + count, next_version + count))
    return names


def _name_at(name, seconds):
    """The package's name with another time in it: prefix, YYYYMMDD_HHMMSS (UTC), .zip."""
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return name[:-len("YYYYMMDD_HHMMSS.zip")] + time.strftime("%Y%m%d_%H%M%S") + ".zip"


def _copy(catalogue, table, row, **changes):
    values = {**dict(row), **changes}
    catalogue.execute("INSERT INTO %s(%s) VALUES(%s)" % (table, ", ".join(values), ", ".join("?" * len(values))), tuple(values.values()))


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def _write(path, data, seconds):
    with open(path, "wb", buffering=0) as file:
        file.write(data)
    os.utime(path, (seconds, seconds))
