-- ARGV: id, token, step, steps
if not held(ARGV[1], ARGV[2]) then return 0 end
call('HSET', job(ARGV[1]), 'step', ARGV[3], 'steps', ARGV[4])
hold_less(ARGV[1])
append_progress(ARGV[1], now(), 'running')
return 1
