-- What all scripts share: reading and moving generations. Each namespace is a hash: 'e' the epoch its number was made in, 'g' the
-- number, 'a' when a caller's claim was last adopted, and for each write under way 'w<token>' with the time when its fence ends.
-- KEYS[1] is the epoch. Numbers are below 2^53, so exact; they are written with %.0f because Lua would write large ones with an
-- exponent.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- The clock's generation: `Generation::PER_MILLI`.
local tick = clock[1] * 100000 + math.floor(clock[2] / 10)

local function text(number)
  return string.format('%.0f', number)
end

local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = text(now) .. '.' .. clock[2]
  redis.call('SET', KEYS[1], epoch)
end

-- The namespace: 'number' (0 if it has none of this epoch), 'largest' (of any epoch), 'fenced' (a write is under way), 'adopted'.
local function read(key)
  local fields, space, made_in = redis.call('HGETALL', key), { number = 0, largest = 0, fenced = false, adopted = 0 }, nil
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'e' then
      made_in = value
    elseif name == 'g' then
      space.largest = tonumber(value)
    elseif name == 'a' then
      space.adopted = tonumber(value)
    elseif tonumber(value) > now then
      space.fenced = true
    end
  end
  if made_in == epoch then
    space.number = space.largest
  end
  return space
end

local function set(key, number)
  redis.call('HSET', key, 'e', epoch, 'g', text(number))
  -- Two days: far longer than any entry, so what is forgotten was not in use. The epoch outlives the numbers made in it.
  redis.call('PEXPIRE', key, 172800000)
  redis.call('PEXPIRE', KEYS[1], 345600000)
  return number
end

-- Gives the namespace a number that none had before: above every one known, and at least the clock's.
local function advance(key, largest)
  return set(key, math.max(largest + 1, tick))
end
