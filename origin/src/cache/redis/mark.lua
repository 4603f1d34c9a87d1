-- Look-ups that found nothing. KEYS: namespaces. ARGV: how long a mark lives in milliseconds, the mark. Returns what is there now.
local reply = {}
for i = 1, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2], 'NX', 'PX', ARGV[1])
  reply[i] = redis.call('GET', KEYS[i])
end
return reply
