-- The load is over. KEYS: its lease. ARGV: its token. Whoever took the lease when its time was over keeps it.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
