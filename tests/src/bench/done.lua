function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'outcome {"per_sec":%.1f,"p50":%.3f,"p95":%.3f,"p99":%.3f,"errors":%d,"timeouts":%d}\n',
    summary.requests * 1e6 / summary.duration,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status, e.timeout))
end
