-- U-Net rows of a job, for what workers hold. Jobs from before count as one guided picture.
ALTER TABLE jobs ADD COLUMN rows INTEGER NOT NULL DEFAULT 2;

-- What each worker measured, while it is alive.
CREATE TABLE paces (worker TEXT PRIMARY KEY, pace TEXT NOT NULL, announced_at INTEGER NOT NULL) WITHOUT ROWID;
