-- ARGV: id, client, model, priority, request, trace or '', key or '', fingerprint, most waiting jobs, key's lifetime in ms, cost, shape, rows
local id, key, fingerprint = ARGV[1], ARGV[7], ARGV[8]
local met = depth()
-- The answer to an earlier try was lost: it was accepted then.
if call('EXISTS', job(id)) == 1 then return {'accepted', met[1], met[2], read(id)} end
if key ~= '' then
    local known = call('HMGET', P .. 'key:' .. key, 'job', 'fingerprint')
    if known[1] and known[2] ~= fingerprint then return {'reused', met[1], met[2], false} end
    if known[1] and call('EXISTS', job(known[1])) == 1 then return {'replayed', met[1], met[2], read(known[1])} end
end
if met[1] >= tonumber(ARGV[9]) then return {'full', met[1], met[2], false, counter('waiting_cost')} end

local at = now()
call('HSET', job(id), 'id', id, 'client', ARGV[2], 'model', ARGV[3], 'priority', ARGV[4], 'request', ARGV[5], 'trace', ARGV[6], 'cost', ARGV[11], 'shape', ARGV[12],
    'rows', ARGV[13], 'number', call('HINCRBY', P .. 'counters', 'number', 1), 'created', at, 'attempts', 0, 'token', 0, 'step', 0, 'steps', 0, 'last_event', 1)
call('ZADD', P .. 'jobs', 0, id)
call('ZADD', P .. 'client:' .. ARGV[2], 0, id)
set_status(id, 'queued')
line_up(id)
if key ~= '' then
    call('HSET', P .. 'key:' .. key, 'job', id, 'fingerprint', fingerprint)
    call('PEXPIRE', P .. 'key:' .. key, ARGV[10])
end
call('PUBLISH', P .. 'wake', 'work')
return {'accepted', met[1], met[2], read(id)}
