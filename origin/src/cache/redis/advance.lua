-- One step of a write: new generations, and fences set or dropped. KEYS: epoch, namespaces…. ARGV: until when a new fence lasts, in
-- milliseconds from now (0: drop the fences), the number of tokens, the tokens, and for each namespace what the instance knows.
-- Returns: generations….
local lasts, tokens, reply = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i = 2, #KEYS do
  local fields = redis.call('HGETALL', KEYS[i])
  for f = 1, #fields, 2 do
    -- Fences of processes that died are over; drop them here, where the hash changes anyway.
    if string.sub(fields[f], 1, 1) == 'w' and tonumber(fields[f + 1]) <= now then
      redis.call('HDEL', KEYS[i], fields[f])
    end
  end
  for t = 1, tokens do
    if lasts > 0 then
      redis.call('HSET', KEYS[i], 'w' .. ARGV[t + 2], text(now + lasts))
    else
      redis.call('HDEL', KEYS[i], 'w' .. ARGV[t + 2])
    end
  end
  reply[i - 1] = text(advance(KEYS[i], math.max(read(KEYS[i]).largest, tonumber(ARGV[tokens + 1 + i]))))
end
return reply
