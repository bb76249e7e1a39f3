-- The catalogue of record, version 2. The only authority on its shape: it is compiled into the binary, and a test compares
-- every upgraded database with it.
--
-- Names and keys are BLOBs: bytes, not always UTF-8, compared as bytes. Times end in _ms (UTC, since 1970) or _ns.
-- "None" is NULL for ids and times and the empty value for names, keys and texts.

-- One row. The next two ids are the ends of the blocks that were handed out so far, never taken back.
CREATE TABLE installation(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  instance TEXT NOT NULL CHECK (length(instance) = 8),
  leaf_key BLOB NOT NULL CHECK (length(leaf_key) = 16),
  next_node INTEGER NOT NULL CHECK (next_node > 1),
  next_version INTEGER NOT NULL CHECK (next_version > 0),
  unclean INTEGER NOT NULL CHECK (unclean IN (0, 1))   -- 1 while open: the last user did not close it
) STRICT;

-- Small settings of the layers above.
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE provider(
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 63),
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  type TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  state TEXT NOT NULL
    CHECK (state IN ('active', 'inactive', 'degraded', 'auth_needed', 'full', 'offline', 'blocked')),
  reason TEXT NOT NULL,
  total_bytes INTEGER,
  free_bytes INTEGER,
  checked_ms INTEGER,
  last_ok_ms INTEGER,
  read_errors INTEGER NOT NULL,
  write_errors INTEGER NOT NULL,
  checksum_errors INTEGER NOT NULL
) STRICT;

-- A name in the tree. The root (id 1) is its own parent. The primary key makes a folder one run of pages.
CREATE TABLE node(
  parent INTEGER NOT NULL REFERENCES node(id),
  name BLOB NOT NULL,
  id INTEGER NOT NULL UNIQUE CHECK (id > 0),
  kind TEXT NOT NULL CHECK (kind IN ('file', 'directory')),
  mode INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  gid INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  -- What reading the file gives: the current version, or the torn one. NULL: directories.
  version INTEGER REFERENCES version(id) DEFERRABLE INITIALLY DEFERRED,
  size INTEGER NOT NULL CHECK (size >= 0),             -- of that version, so that listing a folder reads one table
  local_only INTEGER NOT NULL CHECK (local_only IN (0, 1)),
  torn INTEGER NOT NULL CHECK (torn IN (0, 1)),
  PRIMARY KEY (parent, name),
  CHECK ((id = 1) = (name = x'')),
  CHECK (kind = 'file' OR (version IS NULL AND local_only = 0 AND torn = 0))
) STRICT, WITHOUT ROWID;
CREATE INDEX node_version ON node(version) WHERE version IS NOT NULL;

-- One content, immutable but for fate and staged.
CREATE TABLE version(
  id INTEGER PRIMARY KEY CHECK (id > 0),
  node INTEGER REFERENCES node(id),                    -- NULL: that name was removed
  fate TEXT NOT NULL CHECK (fate IN ('current', 'superseded', 'doomed', 'torn')),
  -- 1: replicas of it are wanted: it is the version of its node, current, and the node is not local_only.
  wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)),
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  staged TEXT NOT NULL,                                -- name in staging, '' = not kept locally
  created_ms INTEGER NOT NULL,
  doomed_ms INTEGER,
  CHECK (wanted = 0 OR fate = 'current'),
  CHECK ((fate = 'doomed') = (node IS NULL)),
  CHECK ((fate = 'doomed') = (doomed_ms IS NOT NULL))
) STRICT;
CREATE INDEX version_node ON version(node) WHERE node IS NOT NULL;
CREATE INDEX version_staged ON version(id) WHERE staged <> '';
CREATE INDEX version_unwanted ON version(id) WHERE wanted = 0;   -- few: they go when nothing refers to them

-- The other digests of a version, apart because they are long and seldom read.
CREATE TABLE digest(
  version INTEGER PRIMARY KEY REFERENCES version(id) ON DELETE CASCADE,
  md5 BLOB CHECK (md5 IS NULL OR length(md5) = 16),
  blocks BLOB NOT NULL CHECK (length(blocks) % 32 = 0),
  leaf_salt INTEGER NOT NULL,                          -- 64 bits, stored as signed
  leaves BLOB NOT NULL CHECK (length(leaves) % 16 = 0)
) STRICT;

-- What a provider holds of a version (key, '' = nothing), and when there is work to do (due_ms, NULL = settled).
CREATE TABLE replica(
  version INTEGER NOT NULL REFERENCES version(id),
  provider INTEGER NOT NULL REFERENCES provider(id),
  state TEXT NOT NULL
    CHECK (state IN ('queued', 'uploading', 'stored', 'verified', 'missing', 'damaged', 'failed', 'paused')),
  key BLOB NOT NULL,
  intent_key BLOB NOT NULL,                            -- a put or rename to it was begun, its end is not recorded
  attempts INTEGER NOT NULL,
  due_ms INTEGER,
  error_code TEXT NOT NULL,
  error_text TEXT NOT NULL,
  remote_id TEXT NOT NULL,
  remote_rev TEXT NOT NULL,
  remote_mtime_ns INTEGER NOT NULL,
  verified_ms INTEGER,
  size INTEGER NOT NULL,                               -- of the version, so that due rows are chosen from an index alone
  PRIMARY KEY (version, provider)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX replica_key ON replica(provider, key) WHERE key <> x'';
CREATE INDEX replica_intent ON replica(provider, intent_key) WHERE intent_key <> x'';
CREATE INDEX replica_due ON replica(provider, due_ms, size) WHERE due_ms IS NOT NULL;
CREATE INDEX replica_newest ON replica(provider, version, due_ms, size) WHERE due_ms IS NOT NULL;
CREATE INDEX replica_pending ON replica(version, provider) WHERE state <> 'verified';

-- Uploads that were begun. No reference to version: bytes go out before the version is committed.
CREATE TABLE session(
  version INTEGER NOT NULL,
  provider INTEGER NOT NULL REFERENCES provider(id),
  key BLOB NOT NULL,
  resume_state BLOB NOT NULL,
  acknowledged_bytes INTEGER NOT NULL CHECK (acknowledged_bytes >= 0),
  PRIMARY KEY (version, provider)
) STRICT, WITHOUT ROWID;

-- What a provider holds of a directory. Outlives its node (wanted = 0) until the directory is gone there.
CREATE TABLE directory_replica(
  node INTEGER NOT NULL,
  provider INTEGER NOT NULL REFERENCES provider(id),
  key BLOB NOT NULL,
  wanted INTEGER NOT NULL CHECK (wanted IN (0, 1)),
  attempts INTEGER NOT NULL,
  due_ms INTEGER,
  removed_ms INTEGER,
  error_text TEXT NOT NULL,
  -- A move there was begun and its end is not recorded; x'' = none.
  intent_key BLOB NOT NULL DEFAULT x'',
  PRIMARY KEY (node, provider),
  CHECK ((wanted = 0) = (removed_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_replica_key ON directory_replica(provider, key) WHERE key <> x'';
CREATE INDEX directory_replica_due ON directory_replica(provider, due_ms) WHERE due_ms IS NOT NULL;

CREATE TABLE xattr(
  node INTEGER NOT NULL REFERENCES node(id) ON DELETE CASCADE,
  name BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (node, name)
) STRICT, WITHOUT ROWID;

-- The newest 100,000.
CREATE TABLE event(
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
  kind TEXT NOT NULL,
  provider TEXT NOT NULL,
  path BLOB NOT NULL,
  code TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;

-- One run of the backup job or of other planned work. The newest 10,000.
CREATE TABLE run(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind <> ''),
  state TEXT NOT NULL
    CHECK (state IN ('running', 'succeeded', 'partial', 'unchanged', 'failed', 'cancelled', 'interrupted')),
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  package BLOB NOT NULL,                               -- name of the file, x'' = none
  label TEXT NOT NULL,
  members INTEGER NOT NULL CHECK (members >= 0),
  bytes_in INTEGER NOT NULL CHECK (bytes_in >= 0),
  bytes_out INTEGER NOT NULL CHECK (bytes_out >= 0),
  error_code TEXT NOT NULL,
  error_text TEXT NOT NULL,
  detail TEXT NOT NULL,                                -- JSON
  CHECK ((state = 'running') = (ended_ms IS NULL))
) STRICT;
CREATE INDEX run_kind ON run(kind, id);

-- What is special about a file that is a package. Goes with its node.
CREATE TABLE package(
  node INTEGER PRIMARY KEY REFERENCES node(id) ON DELETE CASCADE,
  version INTEGER NOT NULL,                            -- the content that this was recorded for
  run INTEGER NOT NULL,                                -- 0 = no run of this catalogue; outlives that row
  series TEXT NOT NULL,                                -- the installation that made it, '' = unknown
  made_ms INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  members INTEGER NOT NULL CHECK (members >= 0),
  bytes_in INTEGER NOT NULL CHECK (bytes_in >= 0),
  encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
  pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
  label TEXT NOT NULL
) STRICT;

-- The end of an archive: its list of members.
CREATE TABLE package_index(
  version INTEGER PRIMARY KEY REFERENCES version(id) ON DELETE CASCADE,
  bytes BLOB NOT NULL
) STRICT;
