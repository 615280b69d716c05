-- What wrk sends: the links of a file, one after the other, as browsers follow them. The argument is the file.

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local links, at = {}, 0
function init(arguments)
  for line in io.lines(arguments[1]) do
    links[#links + 1] = wrk.format("GET", line, { ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" })
  end
  at = number * 7919
end

function request()
  at = at % #links + 1
  return links[at]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p99": %f, "max": %f}\n',
    summary.requests, summary.duration / 1e6, errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
