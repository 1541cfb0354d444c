-- Begins every script, before line.lua and leases.lua. KEYS[1] is the prefix of all keys; its hash tag keeps them in one slot, so that ids found on the way may name keys.
--   job:ID      hash     the job                      events:ID   stream  its log, ids SEQUENCE-0
--   state:ID    string   what a worker left behind    previews:ID hash    sequence -> picture, the last few
--   ready       zset     waiting jobs by arrival      leases      zset    running jobs by the end of their lease
--   final       zset     ended jobs by time           gone:ID     string  a job removed for its age, for a day
--   lane:...    zset     waiting jobs of one client and model, best first
--   ring        zset     clients with waiting jobs by tag, ring:MODEL the same for one model; waiting, load: hashes of how many each has, and their cost
--   shapes      hash     picture sizes, WIDTHxHEIGHT -> how many jobs wait for them
--   models      hash     id -> description            models_seen zset    ids by when they were last announced
--   paces       hash     worker -> what it measured   paces_seen  zset    workers by when they last said it
--   tags        zset     tags of clients above the virtual time: one that comes back begins there
--   call:CALL   hash     job -> token of what a worker's call was given, for as long as the lease, in case its answer is lost
--   counters    hash     number, virtual_time, joined; waiting_cost of all waiting jobs; heard, lease: when a worker last leased or renewed, and for how
--                        long; late: refused completions
--   jobs, status:STATUS, client:CLIENT  zsets without scores: ids in order, for lists
-- Times are the server's, in milliseconds: workers' clocks do not matter.
local P = KEYS[1]
local MAX_ATTEMPTS = 3
local EVENTS_KEPT = 200
local PREVIEWS_KEPT = 4
local LOG_AFTER_END = 3600 -- seconds
local COUNTED_CLIENTS = 64
local SILENT_LEASES = 10

local function call(...) return redis.call(...) end

local function now()
    local t = call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function job(id) return P .. 'job:' .. id end
local function ring(model) return P .. 'ring:' .. model end
-- The length keeps client "a:b" with model "c" apart from client "a" with model "b:c".
local function lane(client, model) return P .. 'lane:' .. #client .. ':' .. client .. ':' .. model end
local function lanes(client) return P .. 'lanes:' .. client end

-- The server's time in microseconds, larger than the job's last one. Counted up by one, two leases would share a token where the server has lost the write of
-- the first: a crash between two flushes, or a replica that took over.
local function next_token(id)
    local t = call('TIME')
    local token = string.format('%.0f', math.max(t[1] * 1e6 + t[2], call('HGET', job(id), 'token') + 1))
    call('HSET', job(id), 'token', token)
    return token
end

-- Higher priority first, then older: exact in a double for ten trillion jobs.
local function place(priority, number) return (10 - priority) * 1e13 + number end

local function depth() return {call('ZCARD', P .. 'ready'), call('ZCARD', P .. 'leases')} end

-- A job's first event says nothing that its hash does not, and an empty stream takes 4 KB: a backlog of jobs has no streams yet.
local function first_event(id)
    return {'at', call('HGET', job(id), 'created'), 'kind', 'progress', 'status', 'queued', 'step', '0', 'steps', '0'}
end

local function append(id, at, ...)
    local sequence = call('HINCRBY', job(id), 'last_event', 1)
    if sequence == 2 then call('XADD', P .. 'events:' .. id, '1-0', unpack(first_event(id))) end
    call('XADD', P .. 'events:' .. id, 'MAXLEN', EVENTS_KEPT, sequence .. '-0', 'at', at, ...)
    call('PUBLISH', P .. 'changed:' .. id, sequence)
    return sequence
end

local function append_progress(id, at, status)
    local j = call('HMGET', job(id), 'step', 'steps')
    append(id, at, 'kind', 'progress', 'status', status, 'step', j[1], 'steps', j[2])
end

local function set_status(id, status)
    local old = call('HGET', job(id), 'status')
    if old then call('ZREM', P .. 'status:' .. old, id) end
    call('HSET', job(id), 'status', status)
    call('ZADD', P .. 'status:' .. status, 0, id)
end

local function counter(name) return tonumber(call('HGET', P .. 'counters', name) or 0) end
