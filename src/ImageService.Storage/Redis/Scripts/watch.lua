-- ARGV: id, last sequence seen, how many. Answers the job, its last sequence, and events with the pictures of previews that are still kept.
local id = ARGV[1]
local found = read(id)
if not found then return false end
local last = tonumber(call('HGET', job(id), 'last_event'))
local after = math.min(tonumber(ARGV[2]), last)
local events = call('XRANGE', P .. 'events:' .. id, (after + 1) .. '-0', '+', 'COUNT', ARGV[3])
if after < last and last == 1 then
    events = {{'1-0', first_event(id)}}
elseif after < last and #events == 0 then
    -- The log of a job that has ended is kept for an hour; that it has ended is known as long as the job.
    events = {{last .. '-0', {'at', call('HGET', job(id), 'finished'), 'kind', 'finished'}}}
end
for _, event in ipairs(events) do
    if event[2][4] == 'preview' then event[3] = call('HGET', P .. 'previews:' .. id, string.match(event[1], '^%d+')) end
end
return {found, last, events}
