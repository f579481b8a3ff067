-- Sends what requests.py has made: for each second its own requests, each around a hole for an invocation id, so that
-- no two requests are the same bytes. Prints one line of JSON at the end.

local made, count, second, current, turn

function init(arguments)
  made = dofile(arguments[1])
  count, turn, second = 0, 0, -1
end

function request()
  local now = os.time()
  if now ~= second then
    second = now
    current = made.seconds[now - made.from + 1] or made.seconds[#made.seconds]
  end
  count = count + 1
  turn = turn % #current + 1
  local one = current[turn]
  return one[1] .. string.format("%08x", count) .. one[2]
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "bytes": %d, "refused": %d, "broken": %d, ' ..
    '"p50": %d, "p99": %d, "max": %d}\n',
    summary.requests, summary.duration, summary.bytes, failed.status,
    failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
