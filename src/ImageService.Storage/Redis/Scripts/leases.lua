-- What workers hold, in every script: leases from their beginning to their end, and the end of jobs.

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
