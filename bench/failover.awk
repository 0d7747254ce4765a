# From bench/failover's samples (one flat JSON object a line, no comma or colon in a string) to Markdown.
{
  gsub(/[{}"]/, "")
  split("", v)
  n = split($0, pairs, ",")
  for (i = 1; i <= n; i++) { split(pairs[i], kv, ":"); v[kv[1]] = kv[2] }
  for (key in v) sample[NR, key] = v[key]
  if ("title" in v) matrices++
}

function seconds(i, key,    ms) { ms = sample[i, key]; return ms == "never" ? "never" : sprintf("%.2f", ms / 1000) }

BEGIN { faults = split("KILLED HOST_GONE BLACK_HOLE SLOW ICMP_FILTERED ICMP_LIMITED FLAPPING", fault, " ") } # they may have been run in any order

function matrix(way, answered,    f, i, title) {
  if (!matrices) return
  printf "\n## %s\n\n", (way == "two-way" ? "Two-way: requests and replies" : "One-way")
  printf "| failure | relay | new flows avoid it after, s | old flows %s again after, s: half of them, all | requests lost, of sent | of the flow that lost most | flows moved, of the backend's | healthy backends taken out | back in use after, s |\n", answered
  print "|---|---|---|---|---|---|---|---|---|"
  for (f = 1; f <= faults; f++) for (i = 1; i <= NR; i++) {
    if (sample[i, "way"] != way || sample[i, "fault"] != fault[f]) continue
    printf "| %s | %s | %s | %s, %s | %d of %d | %d | %d of %d | %d | %s |\n", (sample[i, "title"] == title ? "" : sample[i, "title"]), sample[i, "relay"],
      seconds(i, "new_flows_avoid_ms"), seconds(i, "old_flows_again_p50_ms"), seconds(i, "old_flows_again_max_ms"), sample[i, "lost"], sample[i, "sent"],
      sample[i, "lost_of_flow"], sample[i, "moved"], sample[i, "home"], sample[i, "false_ejections"], seconds(i, "recovery_ms")
    title = sample[i, "title"]
  }
}

function steady(    i, any) {
  for (i = 1; i <= NR; i++) {
    if (sample[i, "fault"] != "STEADY") continue
    if (!any++) printf "\n## %d s in which one request in a hundred is lost\n\n| relay | traffic | requests | lost | flows moved | backends taken out |\n|---|---|---|---|---|---|\n", sample[i, "seconds"]
    printf "| %s | %s | %d | %d | %d | %d |\n", sample[i, "relay"], sample[i, "way"], sample[i, "sent"], sample[i, "lost"], sample[i, "moved_in_vain"], sample[i, "false_ejections"]
  }
}

function chaos(    i) {
  for (i = 1; i <= NR; i++) {
    if (sample[i, "fault"] != "CHAOS") continue
    printf "\n## %d s of three name servers killed (SIGKILL) and started again at random, under dnsperf\n\n", sample[i, "seconds"]
    print "| kills | queries sent | answered | not answered | of these dropped by Sluice, with a reason | sent to a server that did not answer |\n|---|---|---|---|---|---|"
    printf "| %d | %d | %d | %d | %d | %d |\n", sample[i, "kills"], sample[i, "sent"], sample[i, "answered"], sample[i, "unanswered"], sample[i, "dropped"], sample[i, "forwarded_in_vain"]
  }
}

END {
  matrix("two-way", "are answered")
  matrix("one-way", "arrive")
  steady()
  chaos()
}
