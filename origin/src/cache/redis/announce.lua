-- Writes are committed and about to be acknowledged. KEYS: namespaces. ARGV: how long a value lives in milliseconds, a mark that
-- nobody knows the number, then the number of each namespace ('' where nobody does).
for i = 1, #KEYS do
  local known, number = redis.call('GET', KEYS[i]), ARGV[i + 2]
  if known and number ~= '' and string.match(known, '^%d+$') then
    if tonumber(known) < tonumber(number) then
      -- Not for longer than before: the writer may have stood still since its commit, and others have gone on.
      redis.call('SET', KEYS[i], number, 'KEEPTTL')
    end
  else
    -- Whoever is asking the store may have asked before this write: what they heard must not be confirmed.
    redis.call('SET', KEYS[i], ARGV[2], 'PX', ARGV[1])
  end
end
return 1
