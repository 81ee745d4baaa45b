-- renew: keeps a lease for another while, or restores one that Redis has never
-- seen (after a flush or a failover).
--
-- KEYS  1 session  as in turn.lua
-- ARGV  1 gate
--       2 conversation
--       3 token  of the lease
--       4 spent  greatest fence that the gate has used
--       5 ttl    microseconds from now
--       6 keep   how long the session is kept, milliseconds
-- returns "<outcome> <gates that wait> <Redis time in microseconds>"
--         0 lost  1 renewed  2 restored
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local state = redis.call('GET', KEYS[1]) or '0'
local lease, line = string.match(state, '^([^,]*)(.*)$')
local _, waiting = string.gsub(line, ',', '')
local fence, mine, since, ttl = string.match(lease, '^(%d+) (%S+ %d+ %d+) (%d+) (%d+)$')
fence = tonumber(fence or lease)

local outcome = 1
if mine ~= table.concat({ARGV[1], ARGV[2], ARGV[3]}, ' ') or since + ttl <= now then
  if fence >= tonumber(ARGV[3]) then return string.format('0 %d %d', waiting, now) end
  outcome = 2
end
fence = math.max(fence, tonumber(ARGV[4]))
if outcome == 1 then since = math.min(since, now) end -- where the clock was set back
if outcome == 2 or since + ttl < now + ARGV[5] then since, ttl = now, ARGV[5] end -- a call that comes late makes nothing shorter
state = string.format('%d %s %s %s %d %d%s', fence, ARGV[1], ARGV[2], ARGV[3], since, ttl, line)
redis.call('SET', KEYS[1], state, 'PX', math.max(ARGV[6], math.ceil((since + ttl - now) / 1000)))
return string.format('%d %d %d', outcome, waiting, now)
