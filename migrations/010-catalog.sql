-- The catalog: a log of signed Nostr events that is only ever appended to, and tables that are a fold over it (server/catalog/fold.ts decides,
-- server/catalog/projection.ts writes). Hashes, ids and pubkeys are raw bytes. Times are unix seconds unless said otherwise.

CREATE TABLE events (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival here; never used again, so that a cursor of a follower stays true
  id         BLOB NOT NULL UNIQUE,              -- 32 bytes
  pubkey     BLOB NOT NULL,                     -- 32 bytes
  kind       INTEGER NOT NULL,
  d          TEXT NOT NULL,                     -- the d tag of an addressable event; '' for the rest
  created_at INTEGER NOT NULL,
  raw        TEXT NOT NULL                      -- the event as JSON, as it was signed
) STRICT;

CREATE INDEX events_by_address ON events (kind, pubkey, d, created_at DESC, id);
CREATE INDEX events_by_time ON events (kind, created_at);

CREATE TABLE authors (                          -- keys whose events were taken over HTTP here: theirs are then taken from relays too
  pubkey     BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_ids (                      -- kind 5 with e tags: counts for events of the same author, whenever they come
  id         BLOB NOT NULL,                     -- the event that is deleted
  pubkey     BLOB NOT NULL,                     -- who deleted it
  PRIMARY KEY (id, pubkey)
) STRICT, WITHOUT ROWID;

CREATE TABLE deleted_addresses (                -- kind 5 with a tags, of the address's own author
  kind       INTEGER NOT NULL,
  pubkey     BLOB NOT NULL,
  d          TEXT NOT NULL,
  until      INTEGER NOT NULL,                  -- covers every version up to the latest deletion's own created_at, inclusive
  PRIMARY KEY (kind, pubkey, d)
) STRICT, WITHOUT ROWID;

CREATE TABLE titles (                           -- the live version of each film, withdrawn ones included
  id          INTEGER PRIMARY KEY,              -- local
  event       BLOB NOT NULL UNIQUE,             -- the id of the event
  kind        INTEGER NOT NULL,                 -- 34235 or 34236
  pubkey      BLOB NOT NULL,
  d           TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER,                          -- NIP-40; null: never
  title       TEXT NOT NULL,
  status      TEXT NOT NULL,                    -- published or withdrawn
  published_at INTEGER,
  duration    INTEGER,                          -- seconds
  manifest    BLOB,                             -- sha256 of the manifest blob; null where the title names none
  UNIQUE (kind, pubkey, d)
) STRICT;

CREATE INDEX titles_by_time ON titles (created_at DESC, event);
CREATE INDEX titles_by_creator ON titles (pubkey, created_at DESC, event);
CREATE INDEX titles_by_manifest ON titles (manifest) WHERE manifest IS NOT NULL;

CREATE TABLE title_tags (                       -- its t tags, in lower case
  tag        TEXT NOT NULL,
  title      INTEGER NOT NULL,                  -- titles.id
  PRIMARY KEY (tag, title)
) STRICT, WITHOUT ROWID;

CREATE INDEX title_tags_by_title ON title_tags (title);

CREATE VIRTUAL TABLE title_words USING fts5 (title, summary, tags, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2',
  prefix = '1 2 3'); -- the last word of a search may be a beginning: short ones would be merged from thousands of words

CREATE TABLE title_hashes (                     -- what the event of a title itself names: manifest, hash sequence, aggregate, master playlist, trailer
  sha256     BLOB NOT NULL,                     -- 32 bytes (an aggregate hash has no blob)
  title      INTEGER NOT NULL,                  -- titles.id
  role       TEXT NOT NULL,
  blake3     BLOB,
  PRIMARY KEY (sha256, title, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX title_hashes_by_title ON title_hashes (title);
CREATE INDEX title_hashes_by_blake3 ON title_hashes (blake3) WHERE blake3 IS NOT NULL;

CREATE TABLE manifests (                        -- manifest blobs that were read: a fold over bytes, which no event can change
  id         INTEGER PRIMARY KEY,               -- local
  sha256     BLOB NOT NULL UNIQUE,
  blake3     BLOB NOT NULL,
  duration_ms INTEGER NOT NULL,
  aggregate  BLOB NOT NULL,
  renditions TEXT NOT NULL,                     -- JSON: each without its segments
  fault      TEXT                               -- why it cannot be used; null: it is good
) STRICT;

CREATE TABLE manifest_hashes (                  -- every blob that a manifest lists, in its order
  manifest   INTEGER NOT NULL,                  -- manifests.id
  position   INTEGER NOT NULL,                  -- from 0, over the whole manifest
  sha256     BLOB NOT NULL,
  blake3     BLOB NOT NULL,
  role       TEXT NOT NULL,                     -- segment, init, playlist, master, poster, trailer
  rendition  INTEGER,                           -- index into renditions; null where it belongs to none
  number     INTEGER,                           -- of a segment, from 0 within its rendition
  size       INTEGER NOT NULL,                  -- bytes
  duration_ms INTEGER,
  PRIMARY KEY (manifest, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_hashes_by_sha256 ON manifest_hashes (sha256);
CREATE INDEX manifest_hashes_by_blake3 ON manifest_hashes (blake3);

CREATE TABLE collections (                      -- 30005
  event      BLOB NOT NULL UNIQUE,
  pubkey     BLOB NOT NULL,
  d          TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  title      TEXT NOT NULL,
  status     TEXT NOT NULL,                     -- published or withdrawn
  items      TEXT NOT NULL,                     -- JSON: addresses in order
  PRIMARY KEY (pubkey, d)
) STRICT, WITHOUT ROWID;

CREATE TABLE adverts (                          -- 30081: who says that they have a blob, or all that a collection lists
  blake3     BLOB NOT NULL,
  pubkey     BLOB NOT NULL,
  event      BLOB NOT NULL,
  sha256     BLOB,                              -- null where the advert names none (Archipelago's)
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,                  -- its own expiration, or 72 h after it was made, whichever is first
  scope      TEXT NOT NULL,                     -- blob, manifest, hashseq
  have       INTEGER,                           -- coverage: of how many ...
  of_all     INTEGER,                           -- ... that the collection lists
  size       INTEGER,                           -- bytes
  endpoint   TEXT,                              -- iroh endpoint id; null for HTTP only
  servers    TEXT NOT NULL,                     -- JSON: base URLs
  PRIMARY KEY (blake3, pubkey)
) STRICT, WITHOUT ROWID;

CREATE INDEX adverts_by_sha256 ON adverts (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX adverts_by_author ON adverts (pubkey, expires_at);
CREATE INDEX adverts_by_end ON adverts (expires_at);

CREATE TABLE lists (                            -- 10063 servers, 10002 relays
  kind       INTEGER NOT NULL,
  pubkey     BLOB NOT NULL,
  event      BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  entries    TEXT NOT NULL,                     -- JSON: in the order of trust
  PRIMARY KEY (kind, pubkey)
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (                         -- 32267 applications, 30063 releases, 30078 carriers of trust bundles, pointers and snapshots
  kind       INTEGER NOT NULL,
  pubkey     BLOB NOT NULL,
  d          TEXT NOT NULL,
  event      BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  app        TEXT NOT NULL,                     -- '' where the kind has none
  channel    TEXT NOT NULL,
  version    TEXT NOT NULL,
  sequence   INTEGER,                           -- of a release
  manifest   BLOB,                              -- sha256 of the release manifest
  PRIMARY KEY (kind, pubkey, d)
) STRICT, WITHOUT ROWID;

CREATE INDEX releases_by_app ON releases (kind, app, channel, sequence DESC);

CREATE TABLE artifacts (                        -- 3063: a regular event, so there is no newer version of one
  event      BLOB PRIMARY KEY,
  pubkey     BLOB NOT NULL,
  app        TEXT NOT NULL,
  version    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  sha256     BLOB NOT NULL,
  blake3     BLOB,
  size       INTEGER NOT NULL,                  -- bytes
  type       TEXT NOT NULL,
  platforms  TEXT NOT NULL,                     -- JSON: its f tags
  component  TEXT NOT NULL,                     -- '' where it names none
  urls       TEXT NOT NULL                      -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX artifacts_by_sha256 ON artifacts (sha256);
CREATE INDEX artifacts_by_blake3 ON artifacts (blake3) WHERE blake3 IS NOT NULL;
CREATE INDEX artifacts_by_version ON artifacts (pubkey, app, version);

CREATE TABLE outbox (                           -- what is still to be told to a relay: with the audit log the one thing here that no store can give back
  event      BLOB NOT NULL,                     -- id
  relay      TEXT NOT NULL,                     -- URL
  raw        TEXT NOT NULL,                     -- the event
  state      TEXT NOT NULL,                     -- waiting, done, refused
  attempts   INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,                  -- unix milliseconds: not before
  queued_at  INTEGER NOT NULL,
  words      TEXT NOT NULL,                     -- the relay's last, or why it could not be asked
  PRIMARY KEY (event, relay)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_due ON outbox (relay, next_at) WHERE state = 'waiting';

CREATE TABLE relay_cursors (                    -- how far each followed relay has been read
  relay      TEXT NOT NULL,                     -- URL
  topic      TEXT NOT NULL,                     -- which filter
  read_to    INTEGER NOT NULL,                  -- created_at: what was made before was read to the end; 0: nothing yet
  top        INTEGER,                           -- a backfill is under way, which began here ...
  down_to    INTEGER,                           -- ... and has come down to here
  full_at    INTEGER NOT NULL,                  -- when a backfill down to the beginning was last complete; 0: never
  PRIMARY KEY (relay, topic)
) STRICT, WITHOUT ROWID;

CREATE TABLE probes (                           -- what we measured of providers ourselves
  server     TEXT NOT NULL,                     -- base URL
  sha256     BLOB NOT NULL,
  at         INTEGER NOT NULL,
  ok         INTEGER NOT NULL,                  -- 1: it had the bytes we asked for
  ms         INTEGER NOT NULL,
  words      TEXT NOT NULL,                     -- what was wrong; '' for nothing
  PRIMARY KEY (server, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX probes_by_blob ON probes (sha256);

CREATE TABLE mirror_jobs (                      -- POST /catalog/mirrors: what is being fetched from providers
  id         TEXT PRIMARY KEY,                  -- random, told to who asked
  pubkey     BLOB NOT NULL,                     -- who asked, and will own the blobs
  wanted     TEXT NOT NULL,                     -- JSON: the request
  state      TEXT NOT NULL,                     -- running, done, failed, cancelled
  have       INTEGER NOT NULL,                  -- blobs that are here
  of_all     INTEGER,                           -- blobs wanted; null until the manifest was read
  bytes      INTEGER NOT NULL,                  -- fetched so far
  faults     TEXT NOT NULL,                     -- JSON: what could not be had, with the reason, the last few
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
