-- Somebody is about to load a response. KEYS: its lease, the response. ARGV: a token, how long the lease lives in milliseconds, the
-- first bytes of the response that it has seen there and cannot use ('' where it has seen none). Returns whether the lease is its own
-- now, and the response that is there, if that is another.
local taken = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
local seen = ARGV[3]
if #seen > 0 and redis.call('GETRANGE', KEYS[2], 0, #seen - 1) == seen then
  return {taken, false}
end
return {taken, redis.call('GET', KEYS[2])}
