-- What all scripts share: reading and moving generations. Each namespace is a hash: 'e' the epoch its number was made in, 'g' the
-- number, and for each write under way 'w<token>' with the time when its fence ends. KEYS[1] is the epoch.
-- Numbers are below 2^53, so exact; they are written with %.0f because Lua would write large ones with an exponent.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function text(number)
  return string.format('%.0f', number)
end

local epoch = redis.call('GET', KEYS[1])
if not epoch then
  epoch = text(now) .. '.' .. clock[2]
  redis.call('SET', KEYS[1], epoch)
end

-- The namespace's number (0 if none of this epoch), the largest ever seen of it, and whether a write is under way.
local function read(key)
  local fields, made_in, number, fenced = redis.call('HGETALL', key), nil, 0, false
  for i = 1, #fields, 2 do
    if fields[i] == 'e' then
      made_in = fields[i + 1]
    elseif fields[i] == 'g' then
      number = tonumber(fields[i + 1])
    elseif tonumber(fields[i + 1]) > now then
      fenced = true
    end
  end
  if made_in == epoch then
    return number, number, fenced
  end
  return 0, number, fenced
end

-- Gives the namespace a number that none had before: above every one known, and at least the clock's.
local function advance(key, largest)
  local number = math.max(largest + 1, now)
  redis.call('HSET', key, 'e', epoch, 'g', text(number))
  redis.call('PEXPIRE', key, 172800000)
  return number
end
