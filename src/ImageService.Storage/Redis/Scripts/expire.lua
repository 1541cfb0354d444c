return return_expired()
