-- ARGV: models' lifetime in ms, paces' lifetime in ms, worker, its pace or '', then id and description of each model
local at = now()
local function see(kind, name, content)
    call('HSET', P .. kind, name, content)
    call('ZADD', P .. kind .. '_seen', at, name)
end
local function forget(kind, name)
    call('HDEL', P .. kind, name)
    call('ZREM', P .. kind .. '_seen', name)
end
for i = 5, #ARGV, 2 do see('models', ARGV[i], ARGV[i + 1]) end
if ARGV[4] == '' then forget('paces', ARGV[3]) else see('paces', ARGV[3], ARGV[4]) end
for kind, lifetime in pairs({models = ARGV[1], paces = ARGV[2]}) do
    for _, name in ipairs(call('ZRANGEBYSCORE', P .. kind .. '_seen', '-inf', at - lifetime)) do forget(kind, name) end
end
return 1
