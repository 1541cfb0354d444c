-- ARGV: lifetime in ms, then id and description of each model
local at = now()
for i = 2, #ARGV, 2 do
    call('HSET', P .. 'models', ARGV[i], ARGV[i + 1])
    call('ZADD', P .. 'models_seen', at, ARGV[i])
end
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'models_seen', '-inf', at - ARGV[1])) do
    call('HDEL', P .. 'models', id)
    call('ZREM', P .. 'models_seen', id)
end
return 1
