-- Jobs in the order of arrival (number). Times are Unix milliseconds. Status: 0 queued, 1 running, 2 succeeded, 3 failed, 4 canceled.
CREATE TABLE jobs (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    client       TEXT NOT NULL,
    model        TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    request      TEXT NOT NULL,
    trace_parent TEXT,
    step         INTEGER NOT NULL DEFAULT 0,
    steps        INTEGER NOT NULL DEFAULT 0,
    result       TEXT,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    finished_at  INTEGER,
    attempts     INTEGER NOT NULL DEFAULT 0,
    token        INTEGER NOT NULL DEFAULT 0,
    lease_until  INTEGER,
    worker       TEXT,
    last_event   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_waiting ON jobs (client, priority DESC, number, model) WHERE status = 0;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE status = 1;
CREATE INDEX jobs_final ON jobs (finished_at) WHERE status >= 2;
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_client ON jobs (client, id);

-- What a worker left behind when it handed a job back; apart from jobs, because every step rewrites a job's row.
CREATE TABLE saved_states (job INTEGER PRIMARY KEY, content BLOB NOT NULL);

-- Kind: 0 progress, 1 preview, 2 finished. Status and queue position belong to progress, the picture to previews.
CREATE TABLE events (
    job          INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    step         INTEGER NOT NULL,
    steps        INTEGER NOT NULL,
    image        INTEGER,
    content      BLOB,
    content_type TEXT,
    width        INTEGER,
    height       INTEGER,
    PRIMARY KEY (job, sequence)
);
CREATE INDEX events_previews ON events (at) WHERE kind = 1;

CREATE TABLE idempotency_keys (key TEXT PRIMARY KEY, fingerprint TEXT, job_id TEXT NOT NULL, created_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE cancellations (number INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE removed_jobs (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX removed_jobs_age ON removed_jobs (at);
CREATE TABLE models (id TEXT PRIMARY KEY, description TEXT NOT NULL, announced_at INTEGER NOT NULL) WITHOUT ROWID;

-- How many jobs are in each state, kept by triggers: counting 100,000 waiting jobs at every submit would be slow.
CREATE TABLE depth (status INTEGER PRIMARY KEY, jobs INTEGER NOT NULL);
INSERT INTO depth VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0);

-- Who has waiting jobs, for which model, and when it is their turn: the smallest turn is served next, and then goes to the end of the ring.
CREATE TABLE lanes (
    client TEXT NOT NULL,
    model  TEXT NOT NULL,
    queued INTEGER NOT NULL,
    turn   INTEGER NOT NULL,
    PRIMARY KEY (client, model)
) WITHOUT ROWID;
CREATE INDEX lanes_by_turn ON lanes (model, turn);
CREATE TABLE turns (last INTEGER NOT NULL);
INSERT INTO turns VALUES (0);

CREATE TRIGGER job_counted AFTER INSERT ON jobs BEGIN
    UPDATE depth SET jobs = jobs + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_recounted AFTER UPDATE OF status ON jobs WHEN OLD.status <> NEW.status BEGIN
    UPDATE depth SET jobs = jobs - 1 WHERE status = OLD.status;
    UPDATE depth SET jobs = jobs + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_discounted AFTER DELETE ON jobs BEGIN
    UPDATE depth SET jobs = jobs - 1 WHERE status = OLD.status;
END;
CREATE TRIGGER job_lined_up AFTER INSERT ON jobs WHEN NEW.status = 0 BEGIN
    UPDATE turns SET last = last + 1;
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1,
        coalesce((SELECT min(turn) FROM lanes WHERE client = NEW.client), (SELECT last FROM turns)))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1;
END;
CREATE TRIGGER job_lined_up_again AFTER UPDATE OF status ON jobs WHEN OLD.status <> 0 AND NEW.status = 0 BEGIN
    UPDATE turns SET last = last + 1;
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1,
        coalesce((SELECT min(turn) FROM lanes WHERE client = NEW.client), (SELECT last FROM turns)))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1;
END;
CREATE TRIGGER job_left_lane AFTER UPDATE OF status ON jobs WHEN OLD.status = 0 AND NEW.status <> 0 BEGIN
    UPDATE lanes SET queued = queued - 1 WHERE client = OLD.client AND model = OLD.model;
    DELETE FROM lanes WHERE client = OLD.client AND model = OLD.model AND queued <= 0;
END;
CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
    DELETE FROM events WHERE job = OLD.number;
    DELETE FROM saved_states WHERE job = OLD.number;
END;
