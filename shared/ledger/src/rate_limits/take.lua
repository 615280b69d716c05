-- Takes a request if there is room in every window, and returns whether, and the counts before it.
-- KEYS: a hash for each subject and window: part of the time -> requests counted in it.
-- ARGV: the cost; then for each key the oldest part that counts, the part that is now, the limit, and how long to keep the key (ms).
local cost = tonumber(ARGV[1])
local allowed, before = 1, {}
for i, key in ipairs(KEYS) do
  local oldest, limit = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i])
  local counts, live, used = redis.call('HGETALL', key), {}, 0
  for j = 1, #counts, 2 do
    if tonumber(counts[j]) < oldest then
      redis.call('HDEL', key, counts[j])
    else
      used = used + tonumber(counts[j + 1])
      live[#live + 1] = counts[j]
      live[#live + 1] = counts[j + 1]
    end
  end
  if used + cost > limit then allowed = 0 end
  before[i] = live
end
if allowed == 1 and cost > 0 then
  for i, key in ipairs(KEYS) do
    redis.call('HINCRBY', key, ARGV[4 * i - 1], cost)
    redis.call('PEXPIRE', key, ARGV[4 * i + 1])
  end
end
return {allowed, before}
