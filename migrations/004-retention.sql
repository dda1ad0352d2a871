-- How long blobs are kept: when owners asked for an end, when a blob was last read, and how far the sweep came (server/stores/retention-sweep.ts).

ALTER TABLE blobs ADD COLUMN expires INTEGER;  -- unix seconds: the latest end that its owners asked for; null: one of them asked for none

CREATE INDEX owners_by_end ON owners (expires, pubkey, sha256) WHERE expires IS NOT NULL;

UPDATE blobs SET expires = (SELECT CASE WHEN count(*) = count(expires) THEN max(expires) END FROM owners WHERE owners.sha256 = blobs.sha256)
  WHERE sha256 IN (SELECT sha256 FROM owners WHERE expires IS NOT NULL);

CREATE TABLE reads (                    -- written only where a rule says keepUnread; of blobs without a row too, which other nodes have
  sha256 BLOB PRIMARY KEY,              -- 32 bytes
  at     INTEGER NOT NULL               -- unix seconds: not read after that, as far as this node knows; up to an hour later than the read
) STRICT, WITHOUT ROWID;

CREATE INDEX reads_by_time ON reads (at);
