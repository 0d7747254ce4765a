# From bench/run's samples (one flat JSON object a line) to Markdown. The first round is discarded.
{
  gsub(/[{}"]/, "")
  split("", v)
  n = split($0, pairs, ",")
  for (i = 1; i <= n; i++) { split(pairs[i], kv, ":"); v[kv[1]] = kv[2] }
  if (v["round"] == 1) next
  who = v["contender"]; as = v["as"]
  if (!(who in known)) { known[who] = 1; names[++contenders] = who }
  for (key in v) sample[who, as, key, v["round"]] = v[key]
  if (v["round"] > rounds) rounds = v["round"]
}

function collect(who, as, key,    r, i, x) { # into sorted[1..count]
  count = 0
  for (r = 2; r <= rounds; r++) {
    if (!((who, as, key, r) in sample)) continue
    x = sample[who, as, key, r] + 0
    for (i = count++; i > 0 && sorted[i] > x; i--) sorted[i + 1] = sorted[i]
    sorted[i + 1] = x
  }
  return count
}
function median(who, as, key) {
  if (!collect(who, as, key)) return ""
  return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}
function best(who, as, key) { return collect(who, as, key) ? sorted[1] : "" }
function total(who, as, key,    i, sum) { collect(who, as, key); sum = 0; for (i = 1; i <= count; i++) sum += sorted[i]; return sum }
function spread(who, as, key, format,    m) {
  m = median(who, as, key)
  return m == "" ? "-" : sprintf(format " (" format "-" format ")", m, sorted[1], sorted[count])
}
function ratio(who, other, as, key,    a, b) {
  a = median(who, as, key); b = median(other, as, key)
  return a == "" || b == "" || b == 0 ? "-" : sprintf("%.2f", a / b)
}
function mishaps(who, as) { return total(who, as, "reordered") + total(who, as, "duplicated") + total(who, as, "corrupted") }

function measured(as,    i) {
  for (i = 1; i <= contenders; i++) if (median(names[i], as, "sent") != "") return 1
  return 0
}

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
      (median(w, as, "cpu_share") < 0.9 ? " (not saturated)" : ""), median(w, as, "p50_us"), median(w, as, "p99_us")
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
  bar("reply time p50, best round, of nginx's", best_ratio("p50_us"), 1, 1.00)
  bar("reply time p90, best round, of nginx's", best_ratio("p90_us"), 1, 1.00)
}

END {
  throughput_table("(a) Many small: 1,000 flows, 200 bytes, request and reply", "many")
  throughput_table("(b) Elephants: 10 flows, trains of 16 times 1,200 bytes (UDP_SEGMENT), request and reply", "trains")
  throughput_table("(c) One-way: 100 sources, 200 bytes, bursts of 4", "oneway")
  throughput_table("One flow, 200 bytes, window 64", "one")
  setup_table()
  paced_table()
  if ("sluice" in known) bars()
}
