-- ARGV: id
return call('EXISTS', P .. 'gone:' .. ARGV[1])
