-- ARGV: duration in ms, then id and token of each lease. Answers the place (from 0) and the job's status of those that are lost.
local at, lost = now(), {}
hear(ARGV[1])
for i = 2, #ARGV, 2 do
    if held(ARGV[i], ARGV[i + 1]) then
        call('ZADD', P .. 'leases', at + ARGV[1], ARGV[i])
    else
        lost[#lost + 1] = {i / 2 - 1, call('HGET', job(ARGV[i]), 'status')}
    end
end
return lost
