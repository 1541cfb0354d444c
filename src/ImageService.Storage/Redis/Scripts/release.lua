-- ARGV: id, token, state
local id = ARGV[1]
if not held(id, ARGV[2]) then return 0 end
call('HINCRBY', job(id), 'attempts', -1)
requeue(id, now(), ARGV[3])
return 1
