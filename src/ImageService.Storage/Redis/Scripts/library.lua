-- Begins every script. KEYS[1] is the prefix of all keys; its hash tag keeps them in one slot, so that ids found on the way may name keys.
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

-- What the line knows of a job. Jobs of earlier versions have no cost and no shape.
local function in_line(id)
    local j = call('HMGET', job(id), 'client', 'model', 'priority', 'number', 'cost', 'shape')
    return {client = j[1], model = j[2], priority = j[3], number = j[4], cost = tonumber(j[5] or 1), shape = j[6]}
end

-- Adds a job to the sums of those that wait, or takes it away; answers how many of its client's wait now.
local function count(j, by)
    call('HINCRBY', P .. 'load', j.client, by * j.cost)
    call('HINCRBY', P .. 'counters', 'waiting_cost', by * j.cost)
    if j.shape and call('HINCRBY', P .. 'shapes', j.shape, by) <= 0 then call('HDEL', P .. 'shapes', j.shape) end
    return call('HINCRBY', P .. 'waiting', j.client, by)
end

-- A client comes in at the virtual time, or where it was if that is later; those that come at the same time keep their order.
local function join_ring(client)
    local joined = math.max(counter('virtual_time'), counter('joined') + 1)
    call('HSET', P .. 'counters', 'joined', joined)
    call('ZADD', P .. 'ring', math.max(joined, tonumber(call('ZSCORE', P .. 'tags', client) or 0)), client)
end

local function line_up(id)
    local j = in_line(id)
    call('ZADD', lane(j.client, j.model), place(j.priority, j.number), id)
    call('ZADD', P .. 'ready', j.number, id)
    if count(j, 1) == 1 then join_ring(j.client) end
    if call('SADD', lanes(j.client), j.model) == 1 then
        call('ZADD', ring(j.model), call('ZSCORE', P .. 'ring', j.client), j.client)
    end
end

local function leave_line(id)
    local j = in_line(id)
    call('ZREM', P .. 'ready', id)
    call('ZREM', lane(j.client, j.model), id)
    if call('EXISTS', lane(j.client, j.model)) == 0 then
        call('ZREM', ring(j.model), j.client)
        call('SREM', lanes(j.client), j.model)
    end
    if count(j, -1) <= 0 then
        call('HDEL', P .. 'waiting', j.client)
        call('HDEL', P .. 'load', j.client)
        call('ZREM', P .. 'ring', j.client)
    end
    -- Versions beside each other count differently; nothing waiting is nothing waiting.
    if call('EXISTS', P .. 'ready') == 0 then call('HDEL', P .. 'counters', 'waiting_cost') end
end

-- Raises the client's tag by what it was served. Virtual time is the tag served last, moved on by an equal share of the cost while others wait: a new
-- client goes before those with a backlog, and not even a stream of new clients keeps an old one out.
local function charge(client, tag, cost)
    local waiting, share = call('ZCARD', P .. 'ring'), 0
    if waiting > 1 then share = math.floor(cost / waiting) end
    local virtual_time = math.max(counter('virtual_time'), tag) + share
    call('HSET', P .. 'counters', 'virtual_time', virtual_time)
    call('ZADD', P .. 'ring', tag + cost, client)
    for _, model in ipairs(call('SMEMBERS', lanes(client))) do call('ZADD', ring(model), tag + cost, client) end
    call('ZADD', P .. 'tags', tag + cost, client)
    call('ZREMRANGEBYSCORE', P .. 'tags', '-inf', virtual_time)
end

-- The next job that one of the models can draw: start-time fair queueing, clients are served alike by what their jobs cost.
local function take_turn(models)
    local client, tag
    for _, model in ipairs(models) do
        local first = call('ZRANGE', ring(model), 0, 0, 'WITHSCORES')
        local first_tag = tonumber(first[2])
        if first[1] and (not tag or first_tag < tag or (first_tag == tag and first[1] < client)) then client, tag = first[1], first_tag end
    end
    if not client then return nil end
    local id, best
    for _, model in ipairs(models) do
        local first = call('ZRANGE', lane(client, model), 0, 0, 'WITHSCORES')
        if first[1] and (not best or tonumber(first[2]) < best) then id, best = first[1], tonumber(first[2]) end
    end
    charge(client, tag, in_line(id).cost)
    return id
end

local function cost(id) return tonumber(call('HGET', job(id), 'cost') or 1) end

-- What workers hold, in sums, so that nobody need look at all running jobs: the cost of those jobs, what their steps have left of it, and their rows.
-- Each job remembers its own part, 'left': jobs that an earlier version leased have none and do not count.
local function cost_left(id)
    local j = call('HMGET', job(id), 'step', 'steps')
    local all, step, steps = cost(id), tonumber(j[1]), tonumber(j[2])
    if steps <= 0 then return all end
    return all - math.floor(all * math.min(step, steps) / steps)
end

local function add_held(cost, left, rows)
    call('HINCRBY', P .. 'counters', 'held', cost)
    call('HINCRBY', P .. 'counters', 'held_left', left)
    call('HINCRBY', P .. 'counters', 'held_rows', rows)
end

-- Jobs of earlier versions have no rows: most pictures take two.
local function rows(id) return tonumber(call('HGET', job(id), 'rows') or 2) end

local function hold(id)
    local left = cost_left(id)
    call('HSET', job(id), 'left', left)
    add_held(cost(id), left, rows(id))
end

local function hold_less(id)
    local old, left = call('HGET', job(id), 'left'), cost_left(id)
    if not old then return end
    call('HSET', job(id), 'left', left)
    call('HINCRBY', P .. 'counters', 'held_left', left - tonumber(old))
end

-- The end of a lease, whichever way it ended.
local function let_go(id)
    local left = call('HGET', job(id), 'left')
    if call('ZREM', P .. 'leases', id) == 1 and left then add_held(-cost(id), 0 - left, -rows(id)) end -- not -left: Redis takes no "-0"
    call('HDEL', job(id), 'left')
    -- Versions beside each other count differently; nothing held is nothing held.
    if call('EXISTS', P .. 'leases') == 0 then call('HDEL', P .. 'counters', 'held', 'held_left', 'held_rows') end
end

local function mean(load, waiting) return math.max(1, math.floor((tonumber(load) or 0) / (tonumber(waiting) or 1))) end

-- How many are served before this one if nobody else comes, and what they cost: its client's better ones, and of every other client as many as cost what it
-- may have until then. Costs within one client count as alike. Submits and looks ask for it, so it must not grow with the line: with very many clients the
-- others count as one client that has all their jobs.
local function position(id)
    local j = call('HMGET', job(id), 'client', 'model', 'priority', 'number')
    local client, mine = j[1], place(j[3], j[4])
    local own = 0
    for _, model in ipairs(call('SMEMBERS', lanes(client))) do
        own = own + call('ZCOUNT', lane(client, model), '-inf', string.format('(%.0f', mine))
    end
    local clients = call('ZCARD', P .. 'ring')
    if clients > COUNTED_CLIENTS then
        local load, waiting = tonumber(call('HGET', P .. 'load', client) or 0), tonumber(call('HGET', P .. 'waiting', client) or 1)
        local others = call('ZCARD', P .. 'ready') - waiting
        local one, other = mean(load, waiting), mean(counter('waiting_cost') - load, others)
        local served = math.min(others, call('ZRANK', P .. 'ring', client) + math.floor((clients - 1) * own * one / other))
        return own + served, own * one + served * other
    end
    local names, tags, mine_at, ring = {}, {}, 0, call('ZRANGE', P .. 'ring', 0, -1, 'WITHSCORES')
    for i = 1, #ring, 2 do
        names[#names + 1], tags[#tags + 1] = ring[i], tonumber(ring[i + 1])
        if ring[i] == client then mine_at = #names end
    end
    local loads, waitings = call('HMGET', P .. 'load', unpack(names)), call('HMGET', P .. 'waiting', unpack(names))
    local before, ahead_cost = own, own * mean(loads[mine_at], waitings[mine_at])
    local start = tags[mine_at] + ahead_cost
    for i, other in ipairs(names) do
        local ahead = start - tags[i]
        if other ~= client and ahead >= 0 then
            local one = mean(loads[i], waitings[i])
            local served = math.ceil(ahead / one)
            if ahead % one == 0 and other < client then served = served + 1 end
            served = math.min(tonumber(waitings[i]), served)
            before, ahead_cost = before + served, ahead_cost + served * one
        end
    end
    return before, ahead_cost
end

-- The one place where jobs end: state, final event and end of the lease.
local function finish(id, status, at, field, value)
    if call('HGET', job(id), 'status') == 'queued' then leave_line(id) end
    set_status(id, status)
    call('HSET', job(id), 'finished', at)
    if field then call('HSET', job(id), field, value) end
    if status == 'succeeded' then call('HSET', job(id), 'step', call('HGET', job(id), 'steps')) end
    let_go(id)
    call('DEL', P .. 'state:' .. id)
    call('ZADD', P .. 'final', at, id)
    append(id, at, 'kind', 'finished')
    call('EXPIRE', P .. 'events:' .. id, LOG_AFTER_END)
    call('EXPIRE', P .. 'previews:' .. id, LOG_AFTER_END)
end

-- A saved state is used once: when the attempt that began with it dies, the next starts at the beginning, in case the state was the cause.
local function requeue(id, at, state)
    let_go(id)
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

-- Begins every call of a worker for its leases. After a silence of all workers nobody knows which of them live: the server was away, or it was they who
-- could not reach it. Leases then go on with the time that they had left when a worker was last heard, counted from now, and half a lease more up to a whole
-- one, so that whoever lives can find the way back and renew. So do they when the clock was set back, or is that of another server. Workers renew at less
-- than half of a lease: a longer silence is one of all.
local function hear(lease)
    local at, last = now(), counter('heard')
    -- Idle workers ask all the time: not each of them is worth a write to the disk.
    if at >= last and at - last < lease / 20 then return end
    call('HSET', P .. 'counters', 'heard', at, 'lease', lease)
    if last == 0 or math.abs(at - last) <= lease / 2 then return end
    local leases = call('ZRANGE', P .. 'leases', 0, -1, 'WITHSCORES')
    for i = 1, #leases, 2 do
        local left = leases[i + 1] - last
        call('ZADD', P .. 'leases', at + math.max(left, math.min(left + lease / 2, lease)), leases[i])
    end
end

-- Whether workers that live may still not have come back from a silence. Not for ever: their jobs would seem to be running.
local function is_silent()
    local silence, lease = now() - counter('heard'), counter('lease')
    return silence > lease / 2 and silence < SILENT_LEASES * lease
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

-- The job, its place in the line and the cost before it while it waits, and what workers hold until it has ended.
local function read(id)
    local status = call('HGET', job(id), 'status')
    if not status then return false end
    local before, ahead, held = false, 0, false
    if status == 'queued' then before, ahead = position(id) end
    if status == 'queued' or status == 'running' then held = call('HMGET', P .. 'counters', 'held', 'held_left', 'held_rows') end
    return {call('HGETALL', job(id)), before, ahead, held}
end
