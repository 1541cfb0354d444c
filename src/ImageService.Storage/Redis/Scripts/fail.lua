-- ARGV: id, token, error, '1' to try again while attempts are left
local id = ARGV[1]
if not held(id, ARGV[2]) then return 0 end
if ARGV[4] == '1' and tonumber(call('HGET', job(id), 'attempts')) < MAX_ATTEMPTS then
    requeue(id, now(), '')
else
    finish(id, 'failed', now(), 'error', ARGV[3])
end
return 1
