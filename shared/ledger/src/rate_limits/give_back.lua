-- Takes away what was counted, where it still is.
-- KEYS: as in take.lua. ARGV: the cost; then for each key the part of the time it was counted in.
local cost = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local slot = ARGV[i + 1]
  local count = tonumber(redis.call('HGET', key, slot) or '0')
  if count > cost then
    redis.call('HINCRBY', key, slot, -cost)
  elseif count > 0 then
    redis.call('HDEL', key, slot)
  end
end
return 1
