-- Notes of what is under way, so that after a kill only those blobs need be compared (server/stores/unsettled.ts).

CREATE TABLE unsettled (
  sha256 BLOB PRIMARY KEY,              -- 32 bytes: a blob whose files and rows may differ
  blake3 BLOB                           -- 32 bytes: to find its other record by, when nothing else tells it any more; null: unknown
) STRICT, WITHOUT ROWID;
