# From samples.awk's samples to Markdown.
function mishaps(who, as) { return total(who, as, "reordered") + total(who, as, "duplicated") + total(who, as, "corrupted") }
function unsaturated(who, as) { return median(who, as, "cpu_share") < 0.9 ? " (not saturated)" : "" }

function throughput_table(title, as,    i, w) {
  if (!measured(as)) return
  printf "\n## %s\n\n| contender | CPU us a datagram | of nginx's | of c-relay's | datagrams a second | of nginx's | of sent, lost | reordered, doubled, corrupted | core in use | p50 us | p99 us |\n", title
  print "|---|---|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, as, "sent") == "") continue
    printf "| %s | %s | %s | %s | %s | %s | %d of %d | %d | %.2f%s | %.0f | %.0f |\n", w, spread(w, as, "cpu_us_per_datagram", "%.2f"),
      ratio(w, "nginx", as, "cpu_us_per_datagram"), ratio(w, "c-relay", as, "cpu_us_per_datagram"), spread(w, as, "relayed_per_second", "%.0f"),
      ratio(w, "nginx", as, "relayed_per_second"), total(w, as, "lost"), total(w, as, "sent"), mishaps(w, as), median(w, as, "cpu_share"),
      unsaturated(w, as), median(w, as, "p50_us"), median(w, as, "p99_us")
  }
}

function paced_table(    i, w) {
  if (!measured("paced")) return
  print "\n## Reply time, 1,000 flows, paced\n\n| contender | p50 us | p90 us | p99 us | p99.9 us | best round p50 / p90 / p99 | CPU us a datagram | of nginx's | of sent, lost |"
  print "|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "paced", "sent") == "") continue
    printf "| %s | %s | %s | %s | %s | %.0f / %.0f / %.0f | %s | %s | %d of %d |\n", w, spread(w, "paced", "p50_us", "%.0f"), spread(w, "paced", "p90_us", "%.0f"),
      spread(w, "paced", "p99_us", "%.0f"), spread(w, "paced", "p999_us", "%.0f"), best(w, "paced", "p50_us"), best(w, "paced", "p90_us"),
      best(w, "paced", "p99_us"), spread(w, "paced", "cpu_us_per_datagram", "%.2f"), ratio(w, "nginx", "paced", "cpu_us_per_datagram"),
      total(w, "paced", "lost"), total(w, "paced", "sent")
  }
}

function setup_table(    i, w) {
  if (!measured("setup")) return
  print "\n## (d) Set-up: each request from a new client, window 64\n\n| contender | flows a second | of nginx's | CPU us a flow (opening and two datagrams) | of nginx's | of sent, lost | p99 us | while they are closed: p99 us of 20 other flows | of these, lost |"
  print "|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "setup", "sent") == "") continue
    printf "| %s | %s | %s | %s | %s | %d of %d | %.0f | %s | %d of %d |\n", w, spread(w, "setup", "flows_per_second", "%.0f"), ratio(w, "nginx", "setup", "flows_per_second"),
      spread(w, "setup", "cpu_us_per_flow", "%.1f"), ratio(w, "nginx", "setup", "cpu_us_per_flow"), total(w, "setup", "lost"), total(w, "setup", "sent"),
      median(w, "setup", "p99_us"), spread(w, "closing", "p99_us", "%.0f"), total(w, "closing", "lost"), total(w, "closing", "sent")
  }
}

function dns_table(    i, w) {
  if (!measured("dns")) return
  print "\n## (e) DNS: 100 clients of dnsperf, 200 queries under way, nsd\n\n| contender | queries a second | of nginx's | of dnsdist's | CPU us a query | of nginx's | of dnsdist's | of sent, lost | wrong | core in use | mean us |"
  print "|---|---|---|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "dns", "sent") == "") continue
    printf "| %s | %s | %s | %s | %s | %s | %s | %d of %d | %d | %.2f%s | %.0f |\n", w, spread(w, "dns", "queries_per_second", "%.0f"), ratio(w, "nginx", "dns", "queries_per_second"),
      ratio(w, "dnsdist", "dns", "queries_per_second"), spread(w, "dns", "cpu_us_per_query", "%.2f"), ratio(w, "nginx", "dns", "cpu_us_per_query"),
      ratio(w, "dnsdist", "dns", "cpu_us_per_query"), total(w, "dns", "lost"), total(w, "dns", "sent"), total(w, "dns", "wrong"),
      median(w, "dns", "cpu_share"), unsaturated(w, "dns"), median(w, "dns", "mean_us")
  }
}

function drop_table(    i, w) {
  if (!measured("drop")) return
  print "\n## Drop point of (a): the highest rate at which less than 0.1 % is lost, in steps of 15 %\n\n| contender | requests a second | of nginx's | then |\n|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "drop", "held_per_second") == "") continue
    printf "| %s | %s | %s | %s |\n", w, spread(w, "drop", "held_per_second", "%.0f"), ratio(w, "nginx", "drop", "held_per_second"),
      sampled(w, "drop", "limit", "generator") ? "the generator could do no more: it is at least this" : "the relay loses"
  }
}

function memory_table(    i, w) {
  if (!measured("memory")) return
  print "\n## Memory a flow: 10,000 open flows less none, bytes\n\n| contender | process, outside its Java heap | live Java heap | kernel | together | of nginx's |\n|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "memory", "flow_bytes") == "") continue
    printf "| %s | %s | %s | %s | %s | %s |\n", w, spread(w, "memory", "process_bytes", "%.0f"), w ~ /^(nginx|c-relay)/ ? "-" : spread(w, "memory", "heap_bytes", "%.0f"),
      spread(w, "memory", "kernel_bytes", "%.0f"), spread(w, "memory", "flow_bytes", "%.0f"), ratio(w, "nginx", "memory", "flow_bytes")
  }
}

function namespaces_table(    i, w) {
  if (!measured("namespaces")) return
  print "\n## (a) between network namespaces: the kernel's floor\n\n| relay | its core's CPU us a datagram, all that runs there | of routing's | of nginx's | datagrams a second | of sent, lost | core in use | p50 us |\n|---|---|---|---|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "namespaces", "sent") == "") continue
    printf "| %s | %s | %s | %s | %s | %d of %d | %.2f%s | %.0f |\n", w, spread(w, "namespaces", "cpu_us_per_datagram", "%.2f"), ratio(w, "routing", "namespaces", "cpu_us_per_datagram"),
      ratio(w, "nginx", "namespaces", "cpu_us_per_datagram"), spread(w, "namespaces", "relayed_per_second", "%.0f"), total(w, "namespaces", "lost"),
      total(w, "namespaces", "sent"), median(w, "namespaces", "cpu_share"), unsaturated(w, "namespaces"), median(w, "namespaces", "p50_us")
  }
}

function sends_row(what, shape) {
  printf "| %s | %s | %s | %.2f |\n", what, spread("kernel", "sends", shape "_send_us", "%.2f"), spread("kernel", "sends", shape "_sendto_us", "%.2f"),
    median("kernel", "sends", shape "_send_us") / median("kernel", "sends", shape "_sendto_us")
}
function sends_table() {
  if (!measured("sends")) return
  print "\n## Why sockets are connected: CPU us of sending 200 bytes\n\n| | send, connected | sendto, unconnected | ratio |\n|---|---|---|---|"
  sends_row("one socket, one destination", "one")
  sends_row("1,000 sockets, one destination (links to a backend)", "links")
  sends_row("1,000 destinations: a connected socket each, or all from one unconnected", "clients")
}

# The second from which every one costs within 10 % of the median of the last five. Within those five it says nothing yet.
function steady_second(w, r,    n, i, level, late) {
  for (n = 0; (w, "warmup", "second_" (n + 1), r) in sample; n++) {}
  if (n < 10) return ""
  split("", sorted); count = 0
  for (i = n - 4; i <= n; i++) insert(sample[w, "warmup", "second_" i, r] + 0)
  level = sorted[3]
  for (i = n; i >= 1; i--) {
    late = sample[w, "warmup", "second_" i, r] / level
    if (late > 1.1 || late < 0.9) break
  }
  return i + 1 <= n - 4 ? i + 1 : "none of " n
}
function warm_up_table(    i, w, r, s, seen, listed) {
  if (!measured("warmup")) return
  print "\n## Warm-up: (a) from a fresh start\n\n| contender | ms until it listens | CPU us a datagram in the 1st, 2nd, 3rd, 5th, 10th, 20th second | within 10 % of the last five seconds from second |\n|---|---|---|---|"
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    if (median(w, "warmup", "start_ms") == "") continue
    listed = ""
    for (r = 2; r <= rounds; r++) if ((s = steady_second(w, r)) != "") { listed = listed (listed == "" ? "" : ", ") s }
    printf "| %s | %s | %.1f, %.1f, %.1f, %.1f, %.1f, %.1f | %s |\n", w, spread(w, "warmup", "start_ms", "%.0f"), second(w, 1), second(w, 2), second(w, 3), second(w, 5),
      second(w, 10), second(w, 20), listed
  }
}
function second(w, n) { return median(w, "warmup", "second_" n) }

# A bar: at most (sign 1) or at least (sign -1) so much of what another has.
function bar(what, value, sign, limit) {
  printf "| %s | %s %s | ", what, (sign > 0 ? "at most" : "at least"), limit
  if (value == "-" || value == "") print "not measured | |"
  else printf "%s | %s |\n", value, (sign * value <= sign * limit ? "met" : "**missed**")
}
function best_ratio(key,    a, b) {
  a = best("sluice", "paced", key); b = best("nginx", "paced", key)
  return a == "" || b == "" || b == 0 ? "-" : sprintf("%.2f", a / b)
}
function bars() {
  print "\n## Bars\n\n| Sluice | bar | measured | |\n|---|---|---|---|"
  bar("(a) CPU a datagram, of nginx's", ratio("sluice", "nginx", "many", "cpu_us_per_datagram"), 1, 0.72)
  bar("(a) CPU a datagram, of c-relay's", ratio("sluice", "c-relay", "many", "cpu_us_per_datagram"), 1, 1.10)
  bar("(a) datagrams a second, of nginx's", ratio("sluice", "nginx", "many", "relayed_per_second"), -1, 1.40)
  bar("(a) lost", total("sluice", "many", "lost"), 1, 0)
  bar("(b) CPU a datagram, of nginx's", ratio("sluice", "nginx", "trains", "cpu_us_per_datagram"), 1, 0.20)
  bar("(c) CPU a datagram, of nginx's", ratio("sluice", "nginx", "oneway", "cpu_us_per_datagram"), 1, 0.75)
  bar("(c) CPU a datagram, of c-relay's", ratio("sluice", "c-relay", "oneway", "cpu_us_per_datagram"), 1, 1.00)
  bar("one flow: CPU a datagram, of nginx's", ratio("sluice", "nginx", "one", "cpu_us_per_datagram"), 1, 0.82)
  bar("(d) flows a second, of nginx's", ratio("sluice", "nginx", "setup", "flows_per_second"), -1, 1.00)
  bar("(d) p99 us of other flows in a closing storm", median("sluice", "closing", "p99_us"), 1, 5000)
  bar("(e) queries a second, of dnsdist's", ratio("sluice", "dnsdist", "dns", "queries_per_second"), -1, 1.00)
  bar("reply time p50, best round, of nginx's", best_ratio("p50_us"), 1, 1.00)
  bar("reply time p90, best round, of nginx's", best_ratio("p90_us"), 1, 1.00)
  bar("worst GC pause at that rate, ms (`bench/run --soak 10`)", (median("sluice", "soak", "minutes") >= 10 ? median("sluice", "soak", "worst_gc_pause_ms") : ""), 1, 5)
  bar("memory a flow, process and kernel, of nginx's", ratio("sluice", "nginx", "memory", "flow_bytes"), 1, 0.30)
}

END {
  throughput_table("(a) Many small: 1,000 flows, 200 bytes, request and reply", "many")
  throughput_table("(b) Elephants: 10 flows, trains of 16 times 1,200 bytes (UDP_SEGMENT), request and reply", "trains")
  throughput_table("(c) One-way: 100 sources, 200 bytes, bursts of 4", "oneway")
  throughput_table("One flow, 200 bytes, window 64", "one")
  setup_table()
  dns_table()
  paced_table()
  drop_table()
  memory_table()
  warm_up_table()
  namespaces_table()
  sends_table()
  if ("sluice" in known) bars()
}
