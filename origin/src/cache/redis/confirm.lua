-- The store was asked for numbers that a look-up had not found. KEYS: namespaces. ARGV: how long a number lives in milliseconds, then
-- for each namespace what the look-up had found and what the store said. If anything else is there by now, the store may have been
-- asked too early.
for i = 1, #KEYS do
  local found, number = ARGV[2 * i], ARGV[2 * i + 1]
  local is_older = string.match(found, '^%d+$') and tonumber(found) > tonumber(number)
  if redis.call('GET', KEYS[i]) == found and not is_older then
    redis.call('SET', KEYS[i], number, 'PX', ARGV[1])
  end
end
return 1
