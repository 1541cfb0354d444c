if is_silent() then return 0 end
return return_expired()
