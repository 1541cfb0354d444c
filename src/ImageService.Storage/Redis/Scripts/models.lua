-- ARGV: lifetime in ms
local descriptions = {}
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'models_seen', '(' .. string.format('%.0f', now() - ARGV[1]), '+inf')) do
    descriptions[#descriptions + 1] = call('HGET', P .. 'models', id)
end
return descriptions
