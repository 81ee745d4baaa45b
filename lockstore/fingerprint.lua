-- fingerprint: a gate says under which secret it hashes, and learns whether that
-- is the one that counts: the one that was there first, until there are more
-- gates with another. Of those only they count that have been there for a while:
-- one that dies and comes again and again counts for nothing.
--
-- KEYS  1 fingerprints  <fingerprint>{ <gate>:<first seen>:<last seen>}{,…}
--                       first the one that counts, then as they came; milliseconds of Redis time
-- ARGV  1 gate     id of the calling gate
--       2 mine     its fingerprint; "": it leaves
--       3 kept     for how long a gate that is not heard of counts, milliseconds
--       4 settled  how long a gate must have been there to count against the first, milliseconds
-- returns 1 where mine counts, or the gate leaves; else 0
local gate, mine, kept, settled = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local groups, joined = {}, mine == ''
for text in string.gmatch(redis.call('GET', KEYS[1]) or '', '[^,]+') do
  local group = {name = string.match(text, '^%S+'), gates = {}}
  for who, first, last in string.gmatch(text, ' (%S+):(%d+):(%d+)') do
    last = math.min(tonumber(last), now) -- the clock may have been set back
    first = math.min(tonumber(first), last)
    if who ~= gate then
      if now - last < kept then table.insert(group.gates, {who, first, last}) end
    elseif group.name == mine then
      table.insert(group.gates, {gate, first, now})
      joined = true
    end
  end
  table.insert(groups, group)
end
for _, group in ipairs(groups) do
  if not joined and group.name == mine and #group.gates > 0 then
    table.insert(group.gates, {gate, now, now})
    joined = true
  end
end
if not joined then table.insert(groups, {name = mine, gates = {{gate, now, now}}}) end

local living, counts, most = {}, 1, 0
for _, group in ipairs(groups) do
  local settledGates = 0
  for _, g in ipairs(group.gates) do
    if g[3] - g[2] >= settled then settledGates = settledGates + 1 end
  end
  if #group.gates > 0 then
    table.insert(living, group)
    if #living == 1 then
      most = #group.gates
    elseif settledGates > most then
      counts, most = #living, settledGates
    end
  end
end
if counts > 1 then table.insert(living, 1, table.remove(living, counts)) end

local text = {}
for _, group in ipairs(living) do
  local words = {group.name}
  for _, g in ipairs(group.gates) do table.insert(words, string.format('%s:%d:%d', g[1], g[2], g[3])) end
  table.insert(text, table.concat(words, ' '))
end
redis.call('SET', KEYS[1], table.concat(text, ','), 'PX', kept)
return (mine == '' or living[1].name == mine) and 1 or 0
