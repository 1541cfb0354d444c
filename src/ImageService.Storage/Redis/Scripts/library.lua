-- Begins every script. KEYS[1] is the prefix of all keys; its hash tag keeps them in one slot, so that ids found on the way may name keys.
--   job:ID      hash     the job                      events:ID   stream  its log, ids SEQUENCE-0
--   state:ID    string   what a worker left behind    previews:ID hash    sequence -> picture, the last few
--   ready       zset     waiting jobs by arrival      leases      zset    running jobs by the end of their lease
--   final       zset     ended jobs by time           gone:ID     string  a job removed for its age, for a day
--   lane:...    zset     waiting jobs of one client and model, best first
--   ring        zset     clients with waiting jobs by turn, ring:MODEL the same for one model; waiting: hash of how many each has
--   jobs, status:STATUS, client:CLIENT  zsets without scores: ids in order, for lists
-- Times are the server's, in milliseconds: workers' clocks do not matter.
local P = KEYS[1]
local MAX_ATTEMPTS = 3
local EVENTS_KEPT = 200
local PREVIEWS_KEPT = 4
local LOG_AFTER_END = 3600 -- seconds

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

local function next_turn() return call('HINCRBY', P .. 'counters', 'turn', 1) end

local function line_up(id)
    local j = call('HMGET', job(id), 'client', 'model', 'priority', 'number')
    local client, model = j[1], j[2]
    call('ZADD', lane(client, model), place(j[3], j[4]), id)
    call('ZADD', P .. 'ready', j[4], id)
    if call('HINCRBY', P .. 'waiting', client, 1) == 1 then call('ZADD', P .. 'ring', next_turn(), client) end
    if call('SADD', lanes(client), model) == 1 then
        call('ZADD', ring(model), call('ZSCORE', P .. 'ring', client), client)
    end
end

local function leave_line(id)
    local j = call('HMGET', job(id), 'client', 'model')
    local client, model = j[1], j[2]
    call('ZREM', P .. 'ready', id)
    call('ZREM', lane(client, model), id)
    if call('EXISTS', lane(client, model)) == 0 then
        call('ZREM', ring(model), client)
        call('SREM', lanes(client), model)
    end
    if call('HINCRBY', P .. 'waiting', client, -1) <= 0 then
        call('HDEL', P .. 'waiting', client)
        call('ZREM', P .. 'ring', client)
    end
end

-- The next job that one of the models can draw; its client goes to the end of the ring.
local function take_turn(models)
    local client, turn
    for _, model in ipairs(models) do
        local first = call('ZRANGE', ring(model), 0, 0, 'WITHSCORES')
        if first[1] and (not turn or tonumber(first[2]) < turn) then client, turn = first[1], tonumber(first[2]) end
    end
    if not client then return nil end
    local id, best
    for _, model in ipairs(models) do
        local first = call('ZRANGE', lane(client, model), 0, 0, 'WITHSCORES')
        if first[1] and (not best or tonumber(first[2]) < best) then id, best = first[1], tonumber(first[2]) end
    end
    turn = next_turn()
    call('ZADD', P .. 'ring', turn, client)
    for _, model in ipairs(call('SMEMBERS', lanes(client))) do call('ZADD', ring(model), turn, client) end
    return id
end

-- How many are served before this one if nobody else comes: its client's better ones, and of every other client as many as it has turns
-- until then. With very many clients the others count as having one job for each turn.
local function position(id)
    local j = call('HMGET', job(id), 'status', 'client', 'model', 'priority', 'number')
    if j[1] ~= 'queued' then return false end
    local client, mine = j[2], place(j[4], j[5])
    local own = 0
    for _, model in ipairs(call('SMEMBERS', lanes(client))) do
        own = own + call('ZCOUNT', lane(client, model), '-inf', string.format('(%.0f', mine))
    end
    local clients = call('ZCARD', P .. 'ring')
    if clients > 500 then return math.min(call('ZCARD', P .. 'ready') - 1, own * clients + call('ZRANK', P .. 'ring', client)) end
    local before, ahead = own, 1
    for _, other in ipairs(call('ZRANGE', P .. 'ring', 0, -1)) do
        if other == client then
            ahead = 0
        else
            before = before + math.min(tonumber(call('HGET', P .. 'waiting', other)), own + ahead)
        end
    end
    return before
end

-- The one place where jobs end: state, final event and end of the lease.
local function finish(id, status, at, field, value)
    if call('HGET', job(id), 'status') == 'queued' then leave_line(id) end
    set_status(id, status)
    call('HSET', job(id), 'finished', at)
    if field then call('HSET', job(id), field, value) end
    if status == 'succeeded' then call('HSET', job(id), 'step', call('HGET', job(id), 'steps')) end
    call('ZREM', P .. 'leases', id)
    call('DEL', P .. 'state:' .. id)
    call('ZADD', P .. 'final', at, id)
    append(id, at, 'kind', 'finished')
    call('EXPIRE', P .. 'events:' .. id, LOG_AFTER_END)
    call('EXPIRE', P .. 'previews:' .. id, LOG_AFTER_END)
end

-- A saved state is used once: when the attempt that began with it dies, the next starts at the beginning, in case the state was the cause.
local function requeue(id, at, state)
    call('ZREM', P .. 'leases', id)
    if state == '' then
        call('DEL', P .. 'state:' .. id)
        call('HSET', job(id), 'step', 0)
    else
        call('SET', P .. 'state:' .. id, state)
    end
    set_status(id, 'queued')
    line_up(id)
    append_progress(id, at, 'queued')
    call('PUBLISH', P .. 'wake', 'work')
end

local function held(id, token)
    local j = call('HMGET', job(id), 'status', 'token')
    return j[1] == 'running' and j[2] == token
end

-- Answers how many jobs ended because they have used up their attempts.
local function return_expired()
    local at, exhausted = now(), 0
    for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', at, 'LIMIT', 0, 100)) do
        if tonumber(call('HGET', job(id), 'attempts')) < MAX_ATTEMPTS then
            requeue(id, at, '')
        else
            finish(id, 'failed', at, 'error', '{"code":"attempts_exhausted","message":"The worker that held the job stopped answering, ' ..
                MAX_ATTEMPTS .. ' times in a row."}')
            exhausted = exhausted + 1
        end
    end
    return exhausted
end

local function read(id)
    if call('EXISTS', job(id)) == 0 then return false end
    return {call('HGETALL', job(id)), position(id)}
end
