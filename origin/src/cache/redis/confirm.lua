-- The store was asked for numbers that a look-up had not found. KEYS: namespaces. ARGV: how long a number lives in milliseconds, then
-- for each namespace what the look-up had found and what the store said. If anything else is there by now, the store may have been
-- asked too early.
for i = 1, #KEYS do
  local found, number = ARGV[2 * i], ARGV[2 * i + 1]
  if redis.call('GET', KEYS[i]) == found then
    if not string.match(found, '^%d+$') then
      redis.call('SET', KEYS[i], number, 'PX', ARGV[1])
    elseif tonumber(found) < tonumber(number) then
      -- What was there may be of an older state of Redis: it lives no longer for being mended.
      redis.call('SET', KEYS[i], number, 'KEEPTTL')
    end
  end
end
return 1
