-- ARGV: id
local id = ARGV[1]
local status = call('HGET', job(id), 'status')
if status == 'queued' or status == 'running' then
    finish(id, 'canceled', now())
    if status == 'running' then call('PUBLISH', P .. 'wake', id) end
end
return read(id)
