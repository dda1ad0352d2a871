-- What the store holds, as rows: one lookup a request. Everything here can be rebuilt from the store (`marquee rebuild`).

CREATE TABLE blobs (
  sha256   BLOB PRIMARY KEY,            -- 32 bytes: the blob's name
  blake3   BLOB,                        -- 32 bytes; null for foreign blobs, whose bytes we have not read
  size     INTEGER NOT NULL,            -- bytes
  type     TEXT NOT NULL,               -- media type of the earliest owner who had a specific one
  uploaded INTEGER NOT NULL,            -- unix seconds: when its earliest owner came
  place    INTEGER NOT NULL,            -- 0 its own pack, 1 inside its index record, 2 a part of another pack
  pack     BLOB,                        -- the pack's multihash where place is 2
  offset   INTEGER NOT NULL,            -- bytes into the pack
  alien    INTEGER NOT NULL             -- 1: written by somebody else's hash-stream tools, nobody's here
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_by_blake3 ON blobs (blake3);
CREATE INDEX blobs_by_pack ON blobs (pack) WHERE pack IS NOT NULL;

CREATE TABLE owners (
  pubkey   BLOB NOT NULL,               -- 32 bytes; empty for an upload without a key
  sha256   BLOB NOT NULL,               -- the blob
  uploaded INTEGER NOT NULL,            -- unix seconds: when this owner came
  type     TEXT NOT NULL,               -- media type of this owner's upload
  expires  INTEGER,                     -- unix seconds, as the owner asked; null: no end
  PRIMARY KEY (pubkey, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX owners_by_blob ON owners (sha256);
CREATE INDEX owners_by_time ON owners (pubkey, uploaded DESC, sha256);

CREATE TABLE departed (                 -- ownerships that ended: a cursor that names one keeps its place in the list
  pubkey   BLOB NOT NULL,
  sha256   BLOB NOT NULL,
  uploaded INTEGER NOT NULL,            -- unix seconds: when that owner had come
  at       INTEGER NOT NULL,            -- unix seconds: when it ended
  PRIMARY KEY (pubkey, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE alien_records (            -- index records of hash-stream's own tools that have been read already
  key TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE alien_places (             -- leaves found inside their CONTAINING and PACK trees
  sha256 BLOB PRIMARY KEY,
  pack   BLOB NOT NULL,                 -- the pack's multihash
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (                    -- single facts about this database
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
