-- ARGV: id, token, image, step, steps, content, content type, width, height
local id = ARGV[1]
if not held(id, ARGV[2]) then return 0 end
local sequence = append(id, now(), 'kind', 'preview', 'image', ARGV[3], 'step', ARGV[4], 'steps', ARGV[5], 'type', ARGV[7],
    'width', ARGV[8], 'height', ARGV[9])
local previews = P .. 'previews:' .. id
call('HSET', previews, sequence, ARGV[6])
local kept = call('HKEYS', previews)
if #kept > PREVIEWS_KEPT then
    table.sort(kept, function(a, b) return tonumber(a) < tonumber(b) end)
    for i = 1, #kept - PREVIEWS_KEPT do call('HDEL', previews, kept[i]) end
end
return 1
