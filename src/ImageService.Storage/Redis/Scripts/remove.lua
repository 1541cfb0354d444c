-- ARGV: age in ms, most jobs, for how many seconds they are remembered
local ids = call('ZRANGEBYSCORE', P .. 'final', '-inf', now() - ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
    local j = call('HMGET', job(id), 'status', 'client')
    call('ZREM', P .. 'final', id)
    call('ZREM', P .. 'jobs', id)
    if j[1] then
        call('ZREM', P .. 'status:' .. j[1], id)
        call('ZREM', P .. 'client:' .. j[2], id)
    end
    call('DEL', job(id), P .. 'events:' .. id, P .. 'previews:' .. id, P .. 'state:' .. id)
    call('SET', P .. 'gone:' .. id, 1, 'EX', ARGV[3])
end
return ids
