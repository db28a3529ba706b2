#pragma once

/// Private to the catalog*.cpp files of this folder.
namespace framelog {

inline constexpr int kCatalogVersion = 1;

/// `sums` has one row, which the triggers keep: so totals and the longest segment cost nothing. A
/// segment that is under way at an instant begins at most `longest_ns` before it, so one index by
/// the first frame serves both ends of a span of time.
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
  acknowledged INTEGER NOT NULL
);
CREATE INDEX by_time ON segments (first_utc_ns);
CREATE INDEX by_run_uuid ON segments (run_uuid);
CREATE INDEX by_run_number ON segments (run_number);
CREATE INDEX with_gaps ON segments (first_utc_ns) WHERE gaps > 0;
CREATE INDEX by_age ON segments (last_utc_ns) WHERE pinned = 0;
CREATE INDEX by_age_acknowledged ON segments (last_utc_ns) WHERE pinned = 0 AND acknowledged = 1;
CREATE INDEX undigested ON segments (last_utc_ns) WHERE sha256 = '';
CREATE TABLE masters (
  run_uuid TEXT NOT NULL,
  product TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (run_uuid, product)
) WITHOUT ROWID;
CREATE TABLE marks (
  path TEXT PRIMARY KEY,
  pinned INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE sums (segments INTEGER NOT NULL, bytes INTEGER NOT NULL, longest_ns INTEGER NOT NULL);
INSERT INTO sums VALUES (0, 0, 0);
CREATE TRIGGER added AFTER INSERT ON segments BEGIN
  UPDATE sums SET segments = segments + 1, bytes = bytes + new.bytes,
    longest_ns = max(longest_ns, new.last_utc_ns - new.first_utc_ns);
END;
CREATE TRIGGER removed AFTER DELETE ON segments BEGIN
  UPDATE sums SET segments = segments - 1, bytes = bytes - old.bytes;
END;
CREATE TRIGGER changed AFTER UPDATE OF bytes, first_utc_ns, last_utc_ns ON segments BEGIN
  UPDATE sums SET bytes = bytes + new.bytes - old.bytes,
    longest_ns = max(longest_ns, new.last_utc_ns - new.first_utc_ns);
END;
PRAGMA user_version = 1;
)";

}  // namespace framelog
