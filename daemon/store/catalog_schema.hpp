#pragma once

/// Private to the catalog*.cpp files of this folder.
namespace framelog {

inline constexpr int kCatalogVersion = 2;

/// `sums` has one row, which the triggers keep: so totals and the longest segment cost nothing. A
/// segment that is under way at an instant begins at most `longest_ns` before it, so one index by
/// the first frame serves both ends of a span of time. `runs` says when each run began, by a clock
/// that was synchronised (else NULL): catalog_runs.hpp puts them in order.
inline constexpr const char* kCatalogSchema = R"(
CREATE TABLE segments (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  product TEXT NOT NULL,
  run_uuid TEXT NOT NULL,
  run_number INTEGER NOT NULL,
  segment_number INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  first_utc_ns INTEGER NOT NULL,
  last_utc_ns INTEGER NOT NULL,
  frames INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  dropped INTEGER NOT NULL,
  gaps INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  pinned INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL,
  clock_unsynchronised INTEGER NOT NULL
);
CREATE INDEX by_time ON segments (first_utc_ns);
CREATE INDEX by_run_uuid ON segments (run_uuid, first_sequence);
CREATE INDEX by_run_number ON segments (run_number);
CREATE INDEX with_gaps ON segments (first_utc_ns) WHERE gaps > 0;
CREATE INDEX by_age ON segments (last_utc_ns) WHERE pinned = 0 AND clock_unsynchronised = 0;
CREATE INDEX undigested ON segments (last_utc_ns) WHERE sha256 = '';
CREATE TABLE masters (
  run_uuid TEXT NOT NULL,
  product TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (run_uuid, product)
) WITHOUT ROWID;
CREATE TABLE marks (
  path TEXT PRIMARY KEY,
  run_uuid TEXT NOT NULL,
  segment_number INTEGER NOT NULL,
  pinned INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (
  run_uuid TEXT PRIMARY KEY,
  run_number INTEGER NOT NULL,
  utc_ns INTEGER
) WITHOUT ROWID;
CREATE TABLE sums (segments INTEGER NOT NULL, bytes INTEGER NOT NULL, longest_ns INTEGER NOT NULL,
  pinned_segments INTEGER NOT NULL, pinned_bytes INTEGER NOT NULL);
INSERT INTO sums VALUES (0, 0, 0, 0, 0);
CREATE TRIGGER added AFTER INSERT ON segments BEGIN
  UPDATE sums SET segments = segments + 1, bytes = bytes + new.bytes,
    pinned_segments = pinned_segments + new.pinned,
    pinned_bytes = pinned_bytes + new.pinned * new.bytes,
    longest_ns = max(longest_ns, new.last_utc_ns - new.first_utc_ns);
END;
CREATE TRIGGER removed AFTER DELETE ON segments BEGIN
  UPDATE sums SET segments = segments - 1, bytes = bytes - old.bytes,
    pinned_segments = pinned_segments - old.pinned,
    pinned_bytes = pinned_bytes - old.pinned * old.bytes;
END;
CREATE TRIGGER changed AFTER UPDATE OF bytes, first_utc_ns, last_utc_ns, pinned ON segments BEGIN
  UPDATE sums SET bytes = bytes + new.bytes - old.bytes,
    pinned_segments = pinned_segments + new.pinned - old.pinned,
    pinned_bytes = pinned_bytes + new.pinned * new.bytes - old.pinned * old.bytes,
    longest_ns = max(longest_ns, new.last_utc_ns - new.first_utc_ns);
END;
CREATE TRIGGER run_added AFTER INSERT ON segments BEGIN
  INSERT INTO runs SELECT new.run_uuid, new.run_number, NULL
    WHERE NOT EXISTS (SELECT 1 FROM runs WHERE run_uuid = new.run_uuid);
  UPDATE runs SET utc_ns = min(coalesce(utc_ns, new.first_utc_ns), new.first_utc_ns)
    WHERE run_uuid = new.run_uuid AND new.clock_unsynchronised = 0;
END;
CREATE TRIGGER run_changed AFTER UPDATE OF run_uuid, run_number, first_utc_ns,
    clock_unsynchronised ON segments BEGIN
  DELETE FROM runs WHERE run_uuid = old.run_uuid
    AND NOT EXISTS (SELECT 1 FROM segments WHERE run_uuid = old.run_uuid);
  INSERT INTO runs SELECT new.run_uuid, new.run_number, NULL
    WHERE NOT EXISTS (SELECT 1 FROM runs WHERE run_uuid = new.run_uuid);
  UPDATE runs SET utc_ns = min(coalesce(utc_ns, new.first_utc_ns), new.first_utc_ns)
    WHERE run_uuid = new.run_uuid AND new.clock_unsynchronised = 0;
END;
CREATE TRIGGER run_removed AFTER DELETE ON segments BEGIN
  DELETE FROM runs WHERE run_uuid = old.run_uuid
    AND NOT EXISTS (SELECT 1 FROM segments WHERE run_uuid = old.run_uuid);
END;
PRAGMA user_version = 2;
)";

}  // namespace framelog
