# From the sample of bench/run --soak to Markdown; samples.awk goes before.
function row(what, key, format) { printf "| %s | " format " |\n", what, median("sluice", "soak", key) }

END {
  print "\n| | |\n|---|---|"
  row("requests sent", "sent", "%d")
  row("lost", "lost", "%d")
  row("reply time p50, us", "p50_us", "%.0f")
  row("p90", "p90_us", "%.0f")
  row("p99", "p99_us", "%.0f")
  row("p99.9", "p999_us", "%.0f")
  row("most", "max_us", "%.0f")
  row("CPU us a datagram", "cpu_us_per_datagram", "%.2f")
  row("garbage collections that paused", "gc_pauses", "%d")
  row("worst pause of the collector, ms", "worst_gc_pause_ms", "%.3f")
  row("safepoints, for any reason", "safepoints", "%d")
  row("longest safepoint, ms", "worst_safepoint_ms", "%.3f")
  row("memory of the process at the end less that after 10 s, bytes", "grown_bytes", "%d")
}
