-- ARGV: most jobs, worker, duration in ms, models... Answers the leased jobs with their states, and how many others have used up their attempts.
local exhausted = return_expired()
local at, models, leased = now(), {}, {}
for i = 4, #ARGV do models[#models + 1] = ARGV[i] end
while #leased < tonumber(ARGV[1]) do
    local id = take_turn(models)
    if not id then break end
    leave_line(id)
    set_status(id, 'running')
    call('HSET', job(id), 'worker', ARGV[2])
    call('HSETNX', job(id), 'started', at)
    call('HINCRBY', job(id), 'attempts', 1)
    call('HINCRBY', job(id), 'token', 1)
    call('ZADD', P .. 'leases', at + ARGV[3], id)
    hold(id)
    append_progress(id, at, 'running')
    leased[#leased + 1] = {call('HGETALL', job(id)), call('GET', P .. 'state:' .. id)}
end
return {leased, exhausted}
