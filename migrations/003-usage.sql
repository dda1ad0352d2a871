-- What each owner has here, and all of them together, kept up with every row: a quota is then one lookup, whatever the number of blobs.

CREATE TABLE usage (
  pubkey BLOB PRIMARY KEY,              -- 32 bytes; empty for uploads without a key
  blobs  INTEGER NOT NULL,              -- a shared blob counts in full for each owner
  bytes  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stored (                   -- one row: what lies in the store, each blob once; foreign blobs are not ours to count
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  blobs INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

INSERT INTO usage SELECT o.pubkey, count(*), sum(b.size) FROM owners o JOIN blobs b ON b.sha256 = o.sha256 GROUP BY o.pubkey;
INSERT INTO stored SELECT 1, count(*), coalesce(sum(size), 0) FROM blobs WHERE alien = 0;

-- An ownership's row comes after its blob's and goes before it.
CREATE TRIGGER owner_came AFTER INSERT ON owners BEGIN
  INSERT INTO usage SELECT new.pubkey, 1, size FROM blobs WHERE sha256 = new.sha256
    ON CONFLICT (pubkey) DO UPDATE SET blobs = blobs + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER owner_left AFTER DELETE ON owners BEGIN
  UPDATE usage SET blobs = blobs - 1, bytes = bytes - coalesce((SELECT size FROM blobs WHERE sha256 = old.sha256), 0) WHERE pubkey = old.pubkey;
  DELETE FROM usage WHERE pubkey = old.pubkey AND blobs = 0;
END;

CREATE TRIGGER blob_came AFTER INSERT ON blobs WHEN new.alien = 0 BEGIN
  UPDATE stored SET blobs = blobs + 1, bytes = bytes + new.size;
END;

CREATE TRIGGER blob_left AFTER DELETE ON blobs WHEN old.alien = 0 BEGIN
  UPDATE stored SET blobs = blobs - 1, bytes = bytes - old.size;
END;

CREATE TRIGGER blob_adopted AFTER UPDATE OF alien ON blobs WHEN old.alien <> new.alien BEGIN
  UPDATE stored SET blobs = blobs + old.alien - new.alien, bytes = bytes + (old.alien - new.alien) * new.size;
END;
