-- turn: ends a conversation of a gate about one session, goes on with another,
-- or both. State is the truth: it may run late, twice, or overtake another call.
--
-- KEYS  1 session  all that is known of it, one string, because calls are paid for by the command:
--                  <fence>[ <owner> <conversation> <token> <since> <ttl>]{,<gate> <conversation> <arrival> <alive until>}
--                  the greatest token ever given out; the lease, if there is
--                  one; the gates that wait. Times are Redis's, in microseconds.
-- ARGV  1 gate     id of the calling gate
--       2 over     conversation that has ended, and all before it; 0: none
--       3 spent    greatest fence that the gate has used
--       4 ask      conversation that asks for the lease; 0: none
--       5 arrival  of the request that asks, in Redis time; 0 and less: so long ago
--       6 ttl      of a lease, microseconds
--       7 keep     how long the session is kept, milliseconds
--       8 more     "<confirm> <alive> <heard> <inbox>": ttl of a lease that is granted by
--                  message, how long a waiting gate counts as alive (both microseconds),
--                  1 if PUBLISH counts all subscribers (not so in Cluster), prefix of the gates' channels
--       9 outdates where given, over has made the session one of no use to those who wait: their gates are told
-- returns words, for a table costs Redis several microseconds:
--         "0 <overlapped>"                                     not asked
--         "1 <overlapped> <token> <others> <ran out>"          mine, taken now; token is not before the Redis time
--         "2 <overlapped> <token> <others> <now>"              mine, as before
--         "3 <overlapped> <rest of the lease> <others> <now>"  queued
--         "4 <overlapped>"                                     stale: a later conversation of the gate is known
--         overlapped is 1 where over had no lease any more, and another was given
--         since (Redis has forgotten it, or it ran out); others is how many gates
--         wait besides; ran out is 1 where another gate's lease ended by its ttl;
--         times are in microseconds
local gate, over, ask = ARGV[1], ARGV[2], ARGV[4]
local state = redis.call('GET', KEYS[1])

-- Who asks for nothing, of a session that nobody knows, leaves nothing behind.
if ask == '0' and not state and ARGV[3] == '0' then return '0 0' end

-- The two usual ways, with nobody else about. What follows them would do the
-- same at twice the price: numbers cost more here than strings.
if ask == '0' and state and not string.find(state, ',', 1, true) then
  local mine = string.find(state, ' ' .. gate .. ' ' .. over .. ' ', 1, true)
  if mine and tonumber(ARGV[3]) >= tonumber(string.sub(state, 1, mine - 1)) then
    redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[7])
    return '0 0'
  end
elseif ask ~= '0' and ARGV[3] == '0' and (not state or tonumber(state)) then
  local clock = redis.call('TIME')
  local token = clock[1] .. string.sub('00000' .. clock[2], -6)
  if not state or tonumber(state) < tonumber(token) then
    redis.call('SET', KEYS[1], token .. ' ' .. gate .. ' ' .. ask .. ' ' .. token .. ' ' .. token .. ' ' .. ARGV[6], 'PX', ARGV[7])
    return '1 0 ' .. token .. ' 0 0'
  end
end

over, ask = tonumber(over), tonumber(ask)
local fence, owner, conversation, token, since, ttl = 0
local line, waiting = nil, 0 -- gate -> {conversation, arrival, alive until}
if state then
  local comma = string.find(state, ',', 1, true)
  local lease = comma and string.sub(state, 1, comma - 1) or state
  fence = tonumber(lease)
  if not fence then
    fence, owner, conversation, token, since, ttl = string.match(lease, '^(%d+) (%S+) (%d+) (%d+) (%d+) (%d+)$')
    fence, conversation, since = tonumber(fence), tonumber(conversation), tonumber(since)
  end
  if comma then
    line = {}
    for who, c, arrival, alive in string.gmatch(state, ',(%S+) (%d+) (%d+) (%d+)') do
      line[who] = {tonumber(c), tonumber(arrival), tonumber(alive)}
      waiting = waiting + 1
    end
  end
end

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local function save()
  local keep = tonumber(ARGV[7])
  local text = string.format('%d', fence)
  if owner then
    text = string.format('%s %s %d %s %d %d', text, owner, conversation, token, since, ttl)
    keep = math.max(keep, math.ceil((since + ttl - now) / 1000)) -- a lease may have been left for long
  end
  if waiting > 0 then
    for who, e in pairs(line) do text = string.format('%s,%s %d %d %d', text, who, e[1], e[2], e[3]) end
  end
  redis.call('SET', KEYS[1], text, 'PX', keep)
end

local function drop(who)
  if line and line[who] then
    line[who] = nil
    waiting = waiting - 1
  end
end

local overlapped, spent = 0, tonumber(ARGV[3])
if over > 0 then
  local mine = owner == gate and conversation <= over
  if spent > 0 and fence > spent and not (mine and tonumber(token) <= spent) then overlapped = 1 end
  if mine then owner = nil end
  if line and line[gate] and line[gate][1] <= over then drop(gate) end
end
fence = math.max(fence, spent)

local name, confirm, alive, heard, inbox -- are needed only where others are about
if waiting > 0 or owner then
  name = string.match(KEYS[1], '{(%x+)}$')
  confirm, alive, heard, inbox = string.match(ARGV[8], '^(%d+) (%d+) ([01]) (.*)$')
  for who, e in pairs(line or {}) do
    e[3] = math.min(e[3], now + alive)
    if ARGV[9] and who ~= gate then redis.call('PUBLISH', inbox .. who, 'outdated ' .. name) end -- before any grant
  end
end
local ranOut = 0
if owner then
  since = math.min(since, now) -- where the clock was set back
  if since + ttl <= now then
    ranOut = owner == gate and 0 or 1
    owner = nil
  end
end

-- take gives the lease, with a token above all before it, also after a flush.
local function take(who, c, time)
  fence = math.max(fence + 1, now)
  owner, conversation, token, since, ttl = who, c, string.format('%d', fence), now, time
  drop(who)
end

-- hand gives a free lease to the gate that has waited longest. It stops where
-- that is the calling one.
local function hand()
  while waiting > 0 do
    local first
    for who, e in pairs(line) do
      if not first or e[2] < line[first][2] or e[2] == line[first][2] and who < first then first = who end
    end
    if line[first][3] < now then
      drop(first)
    elseif first == gate then
      return
    else
      take(first, line[first][1], confirm)
      local grant = string.format('grant %s %d %s %d %d %d', name, conversation, token, since + ttl, waiting, ranOut)
      if redis.call('PUBLISH', inbox .. first, grant) > 0 or heard == '0' then return end
      owner = nil -- nobody is there to hear it
    end
  end
end

if ask == 0 then
  if not owner then hand() end
  save()
  return '0 ' .. overlapped
end

if owner == gate then
  if conversation > ask then
    save()
    return '4 ' .. overlapped
  end
  if conversation == ask then
    if since + ttl < now + ARGV[6] then since, ttl = now, ARGV[6] end -- an abandoned turn's is longer
    save()
    return string.format('2 %d %s %d %d', overlapped, token, waiting, now)
  end
  owner = nil -- that conversation has ended, its release is still on the way
end

if owner or waiting > 0 then
  line = line or {}
  if line[gate] and line[gate][1] > ask then
    save()
    return '4 ' .. overlapped
  end
  -- Overwritten, so that no request inherits the place of one that left, and
  -- before anybody is picked, so that no younger one is.
  local arrival = tonumber(ARGV[5])
  if arrival <= 0 then arrival = now + arrival end
  drop(gate)
  line[gate] = {ask, math.min(arrival, now), now + alive}
  waiting = waiting + 1
  if not owner then hand() end
end

if not owner then
  take(gate, ask, ARGV[6])
  save()
  return string.format('1 %d %s %d %d', overlapped, token, waiting, ranOut)
end

save()
redis.call('PUBLISH', inbox .. owner, string.format('want %s %d', name, conversation))
return string.format('3 %d %d %d %d', overlapped, since + ttl - now, waiting - 1, now)
