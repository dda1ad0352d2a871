-- What `marquee copy` put into a store: only this may it remove there (server/stores/copy-ledger.ts). A database of its own, <dataDir>/copy.db.

CREATE TABLE copied (
  name TEXT PRIMARY KEY                 -- `owner <sha256> <pubkey>` or `state <name>`
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
  name  TEXT PRIMARY KEY,               -- `id`: also in the target's state/copy; `ended`: when the last pass was through
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
