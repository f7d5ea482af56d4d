"""The statements of the journal.

Columns are read as bytes, and entries set aside are addressed as bytes: text that was damaged on the disk need not
be UTF-8 any more, may even have lost its type, and must be found all the same.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, stamp TEXT NOT NULL, base TEXT NOT NULL,
    PRIMARY KEY (session_id, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    session_id TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, stamp TEXT NOT NULL, base TEXT NOT NULL,
    reason TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (session_id, path, stamp)
) WITHOUT ROWID;
CREATE TEMP VIEW IF NOT EXISTS bytes AS
SELECT session_id, path, CAST(session_id AS BLOB) AS s, CAST(path AS BLOB) AS p,
    CAST(value AS BLOB) AS v, CAST(stamp AS BLOB) AS t, CAST(base AS BLOB) AS b
FROM main.entry;
"""
UPSERT = """
INSERT INTO entry (session_id, path, value, stamp, base)
VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT))
ON CONFLICT (session_id, path) DO UPDATE
SET value = excluded.value, stamp = excluded.stamp, base = excluded.base WHERE excluded.stamp > entry.stamp
"""
PENDING = "SELECT s, p, v, t, b FROM bytes WHERE session_id = ?"
BATCH = "SELECT s, p, v, t, b FROM bytes ORDER BY session_id, path LIMIT ?"
FOLLOWING = "SELECT s, p, v, t, b FROM bytes WHERE (session_id, path) > (?, ?) ORDER BY session_id, path LIMIT ?"
OLDEST_OF = """
SELECT CAST(session_id AS BLOB), CAST(min(stamp) AS BLOB) FROM entry
WHERE session_id IN (SELECT value FROM json_each(?)) GROUP BY session_id
"""
SIZE = """
SELECT octet_length(value) FROM entry WHERE session_id = CAST(? AS TEXT) AND path = CAST(? AS TEXT)
"""
SIZES = "SELECT octet_length(value) FROM entry WHERE session_id = ?"
SIZES_ASIDE = "SELECT octet_length(value) + octet_length(reason) FROM quarantine WHERE session_id = ?"
COUNT = "SELECT count(*) FROM entry"
OLDEST = "SELECT CAST(min(stamp) AS BLOB) FROM entry"
DISCARD = "DELETE FROM entry WHERE session_id = ? AND path = ? AND stamp = ?"
DISCARD_SESSION = "DELETE FROM entry WHERE session_id = ?"
REWRITE = """
UPDATE entry SET value = CAST(? AS TEXT)
WHERE session_id = CAST(? AS TEXT) AND path = CAST(? AS TEXT) AND stamp = CAST(? AS TEXT) AND value = CAST(? AS TEXT)
"""
SET_ASIDE = """
INSERT OR REPLACE INTO quarantine
VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)
"""
DISCARD_DAMAGED = """
DELETE FROM entry NOT INDEXED
WHERE CAST(session_id AS BLOB) = ? AND CAST(path AS BLOB) = ? AND CAST(stamp AS BLOB) = ?
"""
QUARANTINED = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB),
    reason, at
FROM quarantine ORDER BY at, session_id, path
"""
FORGET = """
DELETE FROM quarantine NOT INDEXED
WHERE CAST(session_id AS BLOB) = ? AND CAST(path AS BLOB) = ? AND CAST(stamp AS BLOB) = ?
"""
FORGET_SESSION = "DELETE FROM quarantine WHERE session_id = ?"

COLUMNS = 5
"""Of a row, as `SAVE` and `UPSERT` name them."""
SAVE = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB)
FROM entry ORDER BY session_id, path
"""
"""Everything that can still be read from a damaged file, from the front."""
SAVE_BACKWARDS = """
SELECT CAST(session_id AS BLOB), CAST(path AS BLOB), CAST(value AS BLOB), CAST(stamp AS BLOB), CAST(base AS BLOB)
FROM entry ORDER BY session_id DESC, path DESC
"""
