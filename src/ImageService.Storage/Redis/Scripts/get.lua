-- ARGV: id
return read(ARGV[1])
