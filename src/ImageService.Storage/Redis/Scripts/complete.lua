-- ARGV: id, token, result
local id, token = ARGV[1], ARGV[2]
if not held(id, token) then
    -- Counted for those who watch the fencing: work that another attempt has replaced, not the second try after a lost answer.
    local j = call('HMGET', job(id), 'status', 'token')
    if j[1] ~= 'succeeded' or j[2] ~= token then call('HINCRBY', P .. 'counters', 'late', 1) end
    return 0
end
finish(id, 'succeeded', now(), 'result', ARGV[3])
return 1
