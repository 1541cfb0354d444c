-- ARGV: ids below this one, how many, status or '', '1' if the client counts, client. Looks at 500 ids at most; answers the jobs found and the id
-- from which to go on, or false at the end.
local index = P .. 'jobs'
if ARGV[4] == '1' then index = P .. 'client:' .. ARGV[5] elseif ARGV[3] ~= '' then index = P .. 'status:' .. ARGV[3] end
local found, last = {}, false
local ids = call('ZREVRANGEBYLEX', index, '(' .. ARGV[1], '-', 'LIMIT', 0, 500)
for _, id in ipairs(ids) do
    if #found == tonumber(ARGV[2]) then return {found, last} end
    if ARGV[3] == '' or call('HGET', job(id), 'status') == ARGV[3] then found[#found + 1] = call('HGETALL', job(id)) end
    last = id
end
return {found, #ids == 500 and last}
