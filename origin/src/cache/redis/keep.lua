-- Keeps an entry if its generations are still the current ones and no write is under way: a late fill is refused here.
-- KEYS: epoch, namespaces…, entry. ARGV: the entry, its time to live in milliseconds, its generations….
local numbers = {}
for i = 2, #KEYS - 1 do
  local space = read(KEYS[i])
  if space.fenced or text(space.number) ~= ARGV[i + 1] then
    return 0
  end
  numbers[i - 1] = ARGV[i + 1]
end
redis.call('HSET', KEYS[#KEYS], 'g', table.concat(numbers, ' '), 'v', ARGV[1])
redis.call('PEXPIRE', KEYS[#KEYS], ARGV[2])
return 1
