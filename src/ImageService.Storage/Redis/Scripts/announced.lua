-- ARGV: 'models' or 'paces', lifetime in ms. Answers what was announced within it.
local found = {}
for _, name in ipairs(call('ZRANGEBYSCORE', P .. ARGV[1] .. '_seen', '(' .. string.format('%.0f', now() - ARGV[2]), '+inf')) do
    found[#found + 1] = call('HGET', P .. ARGV[1], name)
end
return found
