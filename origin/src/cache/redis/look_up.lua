-- One read. KEYS: epoch, namespaces…, entry. ARGV: generations the caller holds the entry for ('' if it does not), then for each
-- namespace what the instance knows and what the caller has seen.
-- Returns: standing (0 settled, 1 fenced, 2 behind), the entry or false, generations….
local standing, reply, numbers = 0, { 0, false }, {}
for i = 2, #KEYS - 1 do
  local floor, seen = tonumber(ARGV[2 * i - 2]), tonumber(ARGV[2 * i - 1])
  local space = read(KEYS[i])
  local number = space.number
  if number == 0 or number < floor then
    -- Lost, or older than what the instance has been told: nothing made so far may be used.
    number = advance(KEYS[i], math.max(space.largest, floor))
  end
  if space.fenced and standing == 0 then
    standing = 1
  end
  if seen > number then
    -- The rule of `cache::Claim`.
    if seen > tick + 6000000 then
      standing = 2
    else
      if seen > tick or now < space.adopted + 1000 then
        standing = 2
      else
        set(KEYS[i], seen)
        redis.call('HSET', KEYS[i], 'a', text(now))
      end
      number = seen
    end
  end
  numbers[i - 1] = text(number)
  reply[i + 1] = numbers[i - 1]
end
reply[1] = standing
if standing == 0 then
  local current = table.concat(numbers, ' ')
  if current ~= ARGV[1] and redis.call('HGET', KEYS[#KEYS], 'g') == current then
    reply[2] = redis.call('HGET', KEYS[#KEYS], 'v')
  end
end
return reply
