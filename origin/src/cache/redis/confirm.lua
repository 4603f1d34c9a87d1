-- The store was asked for numbers that a look-up had not found. KEYS: namespaces. ARGV: how long a number lives in milliseconds, then
-- for each namespace what the look-up had found and what the store said. If anything else is there by now, the store may have been
-- asked too early.
for i = 1, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[2 * i] then
    redis.call('SET', KEYS[i], ARGV[2 * i + 1], 'PX', ARGV[1])
  end
end
return 1
