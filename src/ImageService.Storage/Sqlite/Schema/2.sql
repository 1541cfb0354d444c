-- Clients share by what their jobs cost, not by turns. Jobs from before count as 1 each.
ALTER TABLE jobs ADD COLUMN cost INTEGER NOT NULL DEFAULT 1;
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (client, priority DESC, number, model, cost) WHERE status = 0;

DROP TRIGGER job_lined_up;
DROP TRIGGER job_lined_up_again;
DROP TRIGGER job_left_lane;
DROP TABLE turns;
DROP TABLE lanes;

-- Who has waiting jobs, for which model, and the client's tag: the smallest is served next, and is raised by the cost of what was served.
CREATE TABLE lanes (
    client TEXT NOT NULL,
    model  TEXT NOT NULL,
    queued INTEGER NOT NULL,
    cost   INTEGER NOT NULL,
    tag    INTEGER NOT NULL,
    PRIMARY KEY (client, model)
) WITHOUT ROWID;
CREATE INDEX lanes_by_tag ON lanes (model, tag, client);
INSERT INTO lanes SELECT client, model, count(*), sum(cost), 0 FROM jobs WHERE status = 0 GROUP BY client, model;

-- The virtual time at which clients come in; joined keeps those that come at the same time apart.
CREATE TABLE fair (virtual_time INTEGER NOT NULL, joined INTEGER NOT NULL);
INSERT INTO fair VALUES (0, 0);

-- Tags of clients that were served more than the virtual time: one that comes back begins there.
CREATE TABLE tags (client TEXT PRIMARY KEY, tag INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag);

CREATE TRIGGER job_lined_up AFTER INSERT ON jobs WHEN NEW.status = 0 BEGIN
    UPDATE fair SET joined = max(virtual_time, joined + 1) WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE client = NEW.client);
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1, NEW.cost, coalesce((SELECT min(tag) FROM lanes WHERE client = NEW.client),
        max((SELECT joined FROM fair), coalesce((SELECT tag FROM tags WHERE client = NEW.client), 0))))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
END;
CREATE TRIGGER job_lined_up_again AFTER UPDATE OF status ON jobs WHEN OLD.status <> 0 AND NEW.status = 0 BEGIN
    UPDATE fair SET joined = max(virtual_time, joined + 1) WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE client = NEW.client);
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1, NEW.cost, coalesce((SELECT min(tag) FROM lanes WHERE client = NEW.client),
        max((SELECT joined FROM fair), coalesce((SELECT tag FROM tags WHERE client = NEW.client), 0))))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
END;
CREATE TRIGGER job_left_lane AFTER UPDATE OF status ON jobs WHEN OLD.status = 0 AND NEW.status <> 0 BEGIN
    UPDATE lanes SET queued = queued - 1, cost = cost - OLD.cost WHERE client = OLD.client AND model = OLD.model;
    DELETE FROM lanes WHERE client = OLD.client AND model = OLD.model AND queued <= 0;
END;
