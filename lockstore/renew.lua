-- renew: keeps a lease for another while, or restores one that Redis has never
-- seen (after a flush or a failover).
--
-- KEYS  1 lease  2 queue  3 fence, as in turn.lua
-- ARGV  1 gate
--       2 conversation
--       3 token  of the lease
--       4 spent  greatest fence that was used in it
--       5 ttl    milliseconds from now
--       6 keep   how long the fence is kept, milliseconds
-- returns {outcome, others that wait, Redis time in microseconds}
--         0 lost  1 renewed  2 restored
local mine = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local got = redis.call('MGET', KEYS[1], KEYS[3])
local last = tonumber(got[2] or 0)
local waiting = redis.call('ZCARD', KEYS[2])

local outcome = 1
if got[1] ~= mine then
  if last >= tonumber(ARGV[3]) then return {0, waiting, now} end
  outcome = 2
end
redis.call('SET', KEYS[1], mine, 'PX', ARGV[5])
local spent = ARGV[4]
if last > tonumber(spent) then spent = got[2] end
redis.call('SET', KEYS[3], spent, 'PX', ARGV[6])
return {outcome, waiting, now}
