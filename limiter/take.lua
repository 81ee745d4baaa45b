-- take: charges a bucket a request where there is room, or gives one back. It is
-- GCRA as a leaky bucket (ITU-T I.371): a debt that leaks away with time. Beside
-- the debt stands when it was that much, so that it is known that the clock was
-- set back; all numbers are whole.
--
-- KEYS  1 bucket    "<Redis time in microseconds> <debt>"; none: no debt
-- ARGV  1 capacity  greatest debt: microseconds in which a full burst is refilled
--       2 cost      of the request: microseconds in which it is refilled; negative
--                   to give it back
-- returns the debt, with the request where there was room for it; the debt
--         without it, negated, where there was none
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local at, debt = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
at, debt = tonumber(at) or now, tonumber(debt) or 0
if at <= now then debt = math.max(0, debt - (now - at)) end

local after = math.max(0, debt + ARGV[2])
local refused = after > tonumber(ARGV[1])
if refused then after = debt end
if not refused or now < at then
  if after > 0 then
    redis.call('SET', KEYS[1], string.format('%d %d', now, after), 'PX', math.ceil(after / 1000))
  else
    redis.call('DEL', KEYS[1])
  end
end
if refused then return -after end
return after
