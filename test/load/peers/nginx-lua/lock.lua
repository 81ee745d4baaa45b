-- One request of a session at a time, as it is commonly done with OpenResty: SET NX PX to take the lock, asking again
-- every 10 ms while somebody else has it, and a compare-and-delete in EVAL to give it back. Connections to Redis are kept.
local redis = require "nginx.redis"

local TTL, POLL, PATIENCE = 10000, 0.01, 20 -- ms, s, s
local KEEP_IDLE, KEEP = 60000, 64 -- ms, connections a worker

local RELEASE = [[
if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
end
return 0]]

local M = {}

-- ask runs one command on a kept connection.
local function ask(command, ...)
  local r = redis:new()
  r:set_timeout(1000)
  local ok, err = r:connect("127.0.0.1", tonumber(ngx.var.redis_port))
  if not ok then
    return nil, err
  end
  local answer, failed = r[command](r, ...)
  if failed then
    return nil, failed
  end
  r:set_keepalive(KEEP_IDLE, KEEP)
  return answer
end

local function acquire(key, token)
  local deadline = ngx.now() + PATIENCE
  repeat
    local answer, err = ask("set", key, token, "NX", "PX", TTL)
    if err then
      return nil, err
    end
    if answer == "OK" then
      return true
    end
    ngx.sleep(POLL)
    ngx.update_time()
  until ngx.now() > deadline
  return nil, "timed out"
end

-- serve passes the request on below prefix when its session's lock has been taken.
function M.serve(prefix)
  local session = ngx.var.cookie_PHPSESSID
  local key, token
  if session then
    key, token = "lock:" .. session, ngx.var.request_id
    local ok, err = acquire(key, token)
    if not ok then
      ngx.log(ngx.ERR, "lock: ", err)
      return ngx.exit(503)
    end
  end
  local answer = ngx.location.capture(prefix .. ngx.var.uri)
  if key then
    local _, err = ask("eval", RELEASE, 1, key, token)
    if err then
      ngx.log(ngx.ERR, "unlock: ", err)
    end
  end
  ngx.status = answer.status
  ngx.header["Content-Type"] = answer.header["Content-Type"]
  ngx.header["Content-Length"] = #answer.body
  ngx.print(answer.body)
end

return M
