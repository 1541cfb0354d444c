return_expired()
return 1
