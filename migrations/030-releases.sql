-- Releases: what trust bundles in force say, and what release manifests list. All of it comes back from `state/release/`, events and blobs. Hashes and
-- keys are raw bytes.

CREATE TABLE release_keys (                     -- Nostr keys that the trust bundles in force let announce releases: events of no other are live
  pubkey     BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE release_documents (                -- signed documents in force that may lie here as blobs: trust bundles and latest pointers
  sha256     BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- followers of releases pass over all else; server/catalog/views/release-views.ts asks in these very words
CREATE INDEX events_of_releases ON events (seq) WHERE kind IN (3063, 30063, 30078, 32267);

CREATE TABLE release_manifests (                -- manifest blobs that were read: a fold over bytes but for `trusted`
  sha256     BLOB PRIMARY KEY,
  blake3     BLOB NOT NULL,
  app        TEXT NOT NULL,                     -- '' with a fault, as the next two
  channel    TEXT NOT NULL,
  version    TEXT NOT NULL,
  sequence   INTEGER NOT NULL,
  raw        TEXT NOT NULL,                     -- as it was signed
  fault      TEXT,                              -- why it cannot be used, whatever the bundle; null: its signatures decide
  trusted    INTEGER NOT NULL                   -- 1: enough keys of a bundle in force signed it
) STRICT, WITHOUT ROWID;

CREATE INDEX release_manifests_by_app ON release_manifests (app, channel, sequence DESC);

CREATE TABLE release_blobs (                    -- what a manifest lists
  sha256     BLOB NOT NULL,
  manifest   BLOB NOT NULL,                     -- release_manifests.sha256
  blake3     BLOB NOT NULL,
  size       INTEGER NOT NULL,                  -- bytes
  component  TEXT NOT NULL,
  platform   TEXT NOT NULL,
  PRIMARY KEY (sha256, manifest, component, platform)
) STRICT, WITHOUT ROWID;

CREATE INDEX release_blobs_by_manifest ON release_blobs (manifest);

CREATE TABLE release_pins (                     -- blobs that the node key owns for no other reason than a live release
  sha256     BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
