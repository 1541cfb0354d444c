-- The waiting line, in every script: who is next, and how many go before.

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
