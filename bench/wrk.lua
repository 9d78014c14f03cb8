-- Reports one run of wrk as a line of JSON. It has no callback per response: that would slow wrk down.
-- Arguments behind `--`: a file with one path a line to ask for in turn, or none.

local requests = {}

function init(arguments)
  if not arguments[1] then return end
  for path in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  local at = 0
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, ' ..
    '"sockets": %d, "statuses": %d, "timeouts": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    failed.connect + failed.read + failed.write, failed.status, failed.timeout))
end
