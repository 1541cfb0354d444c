return call('HGETALL', P .. 'shapes')
