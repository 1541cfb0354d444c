-- ARGV: id, token, result
if not held(ARGV[1], ARGV[2]) then return 0 end
finish(ARGV[1], 'succeeded', now(), 'result', ARGV[3])
return 1
