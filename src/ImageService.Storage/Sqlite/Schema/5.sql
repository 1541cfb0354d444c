-- A long line costs no more than a short one: what was counted row by row is kept in sums.

-- Waiting jobs of a client and priority by 256 arrivals: how many go before a job is a sum over these and at most 255 rows of jobs.
CREATE TABLE line (
    client   TEXT NOT NULL,
    priority INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    queued   INTEGER NOT NULL,
    cost     INTEGER NOT NULL,
    PRIMARY KEY (client, priority, part)
) WITHOUT ROWID;
INSERT INTO line SELECT client, priority, number / 256, count(*), sum(cost) FROM jobs WHERE status = 0 GROUP BY client, priority, number / 256;

-- Model before priority, because a client's next job is asked for by model.
DROP INDEX jobs_waiting;
CREATE INDEX jobs_waiting ON jobs (client, model, priority DESC, number, cost) WHERE status = 0;

-- How many clients' turns are before one's.
CREATE INDEX lanes_in_turn ON lanes (tag, client);

-- Waiting jobs by picture size.
DROP INDEX jobs_waiting_by_shape;
CREATE TABLE shapes (width INTEGER NOT NULL, height INTEGER NOT NULL, queued INTEGER NOT NULL, PRIMARY KEY (width, height)) WITHOUT ROWID;
INSERT INTO shapes SELECT json_extract(request, '$.width'), json_extract(request, '$.height'), count(*) FROM jobs WHERE status = 0 GROUP BY 1, 2;

-- Clients with waiting jobs, and the cost of all those jobs.
ALTER TABLE fair ADD COLUMN clients INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fair ADD COLUMN waiting_cost INTEGER NOT NULL DEFAULT 0;
UPDATE fair SET clients = (SELECT count(DISTINCT client) FROM lanes), waiting_cost = (SELECT coalesce(sum(cost), 0) FROM lanes);

DROP TRIGGER job_lined_up;
DROP TRIGGER job_lined_up_again;
DROP TRIGGER job_left_lane;
CREATE TRIGGER job_lined_up AFTER INSERT ON jobs WHEN NEW.status = 0 BEGIN
    UPDATE fair SET joined = max(virtual_time, joined + 1), clients = clients + 1 WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE client = NEW.client);
    UPDATE fair SET waiting_cost = waiting_cost + NEW.cost;
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1, NEW.cost, coalesce((SELECT min(tag) FROM lanes WHERE client = NEW.client),
        max((SELECT joined FROM fair), coalesce((SELECT tag FROM tags WHERE client = NEW.client), 0))))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
    INSERT INTO line VALUES (NEW.client, NEW.priority, NEW.number / 256, 1, NEW.cost)
        ON CONFLICT (client, priority, part) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
    INSERT INTO shapes VALUES (json_extract(NEW.request, '$.width'), json_extract(NEW.request, '$.height'), 1)
        ON CONFLICT (width, height) DO UPDATE SET queued = queued + 1;
END;
CREATE TRIGGER job_lined_up_again AFTER UPDATE OF status ON jobs WHEN OLD.status <> 0 AND NEW.status = 0 BEGIN
    UPDATE fair SET joined = max(virtual_time, joined + 1), clients = clients + 1 WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE client = NEW.client);
    UPDATE fair SET waiting_cost = waiting_cost + NEW.cost;
    INSERT INTO lanes VALUES (NEW.client, NEW.model, 1, NEW.cost, coalesce((SELECT min(tag) FROM lanes WHERE client = NEW.client),
        max((SELECT joined FROM fair), coalesce((SELECT tag FROM tags WHERE client = NEW.client), 0))))
        ON CONFLICT (client, model) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
    INSERT INTO line VALUES (NEW.client, NEW.priority, NEW.number / 256, 1, NEW.cost)
        ON CONFLICT (client, priority, part) DO UPDATE SET queued = queued + 1, cost = cost + NEW.cost;
    INSERT INTO shapes VALUES (json_extract(NEW.request, '$.width'), json_extract(NEW.request, '$.height'), 1)
        ON CONFLICT (width, height) DO UPDATE SET queued = queued + 1;
END;
CREATE TRIGGER job_left_lane AFTER UPDATE OF status ON jobs WHEN OLD.status = 0 AND NEW.status <> 0 BEGIN
    UPDATE lanes SET queued = queued - 1, cost = cost - OLD.cost WHERE client = OLD.client AND model = OLD.model;
    DELETE FROM lanes WHERE client = OLD.client AND model = OLD.model AND queued <= 0;
    UPDATE fair SET waiting_cost = waiting_cost - OLD.cost;
    UPDATE fair SET clients = clients - 1 WHERE NOT EXISTS (SELECT 1 FROM lanes WHERE client = OLD.client);
    UPDATE line SET queued = queued - 1, cost = cost - OLD.cost WHERE client = OLD.client AND priority = OLD.priority AND part = OLD.number / 256;
    DELETE FROM line WHERE client = OLD.client AND priority = OLD.priority AND part = OLD.number / 256 AND queued <= 0;
    UPDATE shapes SET queued = queued - 1 WHERE width = json_extract(OLD.request, '$.width') AND height = json_extract(OLD.request, '$.height');
    DELETE FROM shapes WHERE queued <= 0 AND width = json_extract(OLD.request, '$.width') AND height = json_extract(OLD.request, '$.height');
END;
