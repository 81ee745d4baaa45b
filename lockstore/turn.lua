-- turn: ends a conversation of a gate about one session, goes on with another,
-- or both. State is the truth: it may run late, twice, or overtake another call.
--
-- KEYS  1 lease    string "<gate> <conversation> <token>"; no key: free
--       2 queue    sorted set of the gates that wait, by arrival (microseconds)
--       3 waiters  hash gate -> "<conversation> <alive until, microseconds>"
--       4 fence    string, the greatest token that was ever given out
-- ARGV  1 gate     id of the calling gate
--       2 over     conversation that has ended, and all before it; 0: none
--       3 spent    greatest fence that the gate has used
--       4 ask      conversation that asks for the lease; 0: none
--       5 age      microseconds since the arrival of the request that asks
--       6 ttl      of a lease, milliseconds
--       7 confirm  ttl of a lease that was granted by message, milliseconds
--       8 alive    how long a waiting gate counts as alive, milliseconds
--       9 inbox    prefix of the gates' channels
--      10 heard    1: PUBLISH counts all subscribers (not so in Cluster)
--      11 name     of the session, for messages
-- returns {outcome, token, rest in milliseconds, others that wait, Redis time in microseconds}
--         0 not asked  1 mine, taken now  2 mine, as before  3 queued  4 stale
local lease, queue, waiters, fence = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local gate, over, ask = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local ttl = ARGV[6]
local keep = ttl * 10

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local got = redis.call('MGET', lease, fence)
local last = tonumber(got[2] or 0)
local waiting = redis.call('ZCARD', queue)
local owner, conversation, token
if got[1] then
  owner, conversation, token = string.match(got[1], '^(%S+) (%d+) (%d+)$')
  conversation = tonumber(conversation)
end

local function integer(n) return string.format('%.0f', n) end

local function drop(who)
  waiting = waiting - redis.call('ZREM', queue, who)
  redis.call('HDEL', waiters, who)
end

-- entry returns conversation and end of life of a waiting gate.
local function entry(who)
  local v = redis.call('HGET', waiters, who)
  if not v then return 0, 0 end
  local c, alive = string.match(v, '^(%d+) (%d+)$')
  return tonumber(c), tonumber(alive)
end

local function free()
  redis.call('DEL', lease)
  owner = nil
end

-- take gives the lease, with a token above all before it, also after a flush.
local function take(who, c, time)
  last = math.max(last + 1, now)
  owner, conversation, token = who, c, integer(last)
  redis.call('SET', lease, who .. ' ' .. integer(c) .. ' ' .. token, 'PX', time)
  redis.call('SET', fence, token, 'PX', keep)
  if waiting > 0 then drop(who) end
end

-- hand gives a free lease to the gate that has waited longest. It stops where
-- that is the calling one.
local function hand()
  while waiting > 0 do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    local c, alive = entry(first)
    if alive < now then
      drop(first)
    elseif first == gate then
      return
    else
      take(first, c, ARGV[7])
      local expiry = now + ARGV[7] * 1000
      local message = table.concat({'grant', ARGV[11], integer(c), token, integer(expiry), waiting}, ' ')
      if redis.call('PUBLISH', ARGV[9] .. first, message) > 0 or ARGV[10] ~= '1' then return end
      free() -- nobody is there to hear it
    end
  end
end

if tonumber(ARGV[3]) > last then
  last = tonumber(ARGV[3])
  redis.call('SET', fence, ARGV[3], 'PX', keep)
end

if over > 0 then
  if owner == gate and conversation <= over then free() end
  if waiting > 0 then
    local c = entry(gate)
    if c > 0 and c <= over then drop(gate) end
  end
end

if ask == 0 then
  if not owner then hand() end
  return {0, 0, 0, waiting, now}
end

if owner == gate then
  if conversation > ask then return {4, 0, 0, waiting, now} end
  if conversation == ask then
    redis.call('PEXPIRE', lease, ttl)
    redis.call('PEXPIRE', fence, keep)
    return {2, tonumber(token), tonumber(ttl), waiting, now}
  end
  free() -- that conversation has ended, its release is still on the way
end

if owner or waiting > 0 then
  local c = entry(gate)
  if c > ask then return {4, 0, 0, waiting, now} end
  -- Overwritten, so that no request inherits the place of one that left, and
  -- before anybody is picked, so that no younger one is.
  waiting = waiting + redis.call('ZADD', queue, integer(now - ARGV[5]), gate)
  redis.call('HSET', waiters, gate, integer(ask) .. ' ' .. integer(now + ARGV[8] * 1000))
  redis.call('PEXPIRE', queue, keep)
  redis.call('PEXPIRE', waiters, keep)
  if not owner then hand() end
end

if not owner then
  take(gate, ask, ttl)
  return {1, last, tonumber(ttl), waiting, now}
end

redis.call('PUBLISH', ARGV[9] .. owner, 'want ' .. ARGV[11] .. ' ' .. integer(conversation))
return {3, 0, math.max(redis.call('PTTL', lease), 0), math.max(waiting - 1, 0), now}
