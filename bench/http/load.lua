-- What wrk sends, and what it says in the end: arguments are `get`, `post`, `order` or `login`, then the token or the sign-in's body.

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local sent, what, fixed, connection = 0, nil, nil, nil
function init(arguments)
  what = arguments[1]
  wrk.headers["Content-Type"] = "application/json"
  if what == "login" then
    fixed = wrk.format("POST", nil, nil, arguments[2])
    return
  end
  wrk.headers["Authorization"] = "Bearer " .. arguments[2]
  if what == "get" then fixed = wrk.format("GET") end
  run = arguments[3]
  -- A tab divides the run's name and the connection that is to be tested.
  if what == "order" then run, connection = run:match("^(.-)\t(.*)$") end
end

-- Each job is another one: of the same target there would be only one.
function request()
  if fixed then return fixed end
  sent = sent + 1
  local target = '"target":"' .. run .. "-" .. number .. "-" .. sent .. '"}'
  if not connection then return wrk.format("POST", nil, nil, "{" .. target) end
  return wrk.format("POST", nil, nil, '{"kind":"connection.test","args":{"connection_id":"' .. connection .. '",' .. target .. "}")
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f, "max": %f}\n',
    summary.requests, summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
