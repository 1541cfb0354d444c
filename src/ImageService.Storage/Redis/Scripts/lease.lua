-- ARGV: most jobs, worker, duration in ms, call, models... Answers the leased jobs with their states, and how many others have used up their attempts.
-- A call whose answer was lost, or that the server ran when nobody waited any more, is repeated by its name and gets the same jobs.
local at, leased, key = now(), {}, P .. 'call:' .. ARGV[4]
local until_then = at + ARGV[3]

local function give(id)
    call('ZADD', P .. 'leases', until_then, id)
    leased[#leased + 1] = {call('HGETALL', job(id)), call('GET', P .. 'state:' .. id)}
end

local function take(models)
    local id = take_turn(models)
    if not id then return false end
    leave_line(id)
    set_status(id, 'running')
    call('HSET', job(id), 'worker', ARGV[2])
    call('HSETNX', job(id), 'started', at)
    call('HINCRBY', job(id), 'attempts', 1)
    call('HSET', key, id, next_token(id))
    hold(id)
    append_progress(id, at, 'running')
    give(id)
    return true
end

hear(ARGV[3])
local exhausted = return_expired()
local given = call('HGETALL', key)
for i = 1, #given, 2 do
    if held(given[i], given[i + 1]) then give(given[i]) end
end
if #leased == 0 then
    local models = {}
    for i = 5, #ARGV do models[#models + 1] = ARGV[i] end
    while #leased < tonumber(ARGV[1]) and take(models) do end
end
if #leased > 0 then call('PEXPIRE', key, ARGV[3]) end
return {leased, exhausted}
