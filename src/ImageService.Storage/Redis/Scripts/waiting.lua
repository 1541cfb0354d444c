-- ARGV: client
return tonumber(call('HGET', P .. 'waiting', ARGV[1]) or 0)
