# From bench/failover's samples to SVG: requests lost, a panel of bars for each failure, two-way.
function escape(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); return text }
function text(x, y, class, what) { printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, escape(what) }

BEGIN { faults = split("KILLED HOST_GONE BLACK_HOLE SLOW ICMP_FILTERED ICMP_LIMITED FLAPPING", fault, " ") }

{
  gsub(/[{}"]/, "")
  split("", v)
  n = split($0, pairs, ",")
  for (i = 1; i <= n; i++) { split(pairs[i], kv, ":"); v[kv[1]] = kv[2] }
  f = v["fault"]
  if (v["way"] != "two-way" || f == "STEADY") next
  if (!bars[f]++) { heading[f] = v["title"]; rows += 40 }
  rows += 24
  relay[f, bars[f]] = v["relay"]; share[f, bars[f]] = v["lost"] / v["sent"]; again[f, bars[f]] = v["old_flows_again_max_ms"]
  if (share[f, bars[f]] > most) most = share[f, bars[f]]
}

function bar(f, i,    width) {
  y += 24
  width = most == 0 ? 0 : 330 * share[f, i] / most
  text(24, y + 4, "name", relay[f, i])
  printf "<rect x=\"190\" y=\"%d\" width=\"%.1f\" height=\"16\" rx=\"2\" class=\"%s\"/>\n", y - 9, width, relay[f, i] ~ /^sluice/ ? "ours" : "theirs"
  text(198 + width, y + 4, "name", sprintf("%.2f %%; ", 100 * share[f, i]) (again[f, i] == "never" ? "some never again" : sprintf("%.2f s", again[f, i] / 1000)))
}

END {
  y = 36
  height = y + rows + 54
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%d\" viewBox=\"0 0 800 %d\" role=\"img\">\n", height, height
  printf "<title>%s</title>\n", escape(title)
  print "<style>\n  .page { fill: #ffffff } text { font: 13px sans-serif; fill: #1f2328 } .title { font-size: 17px; font-weight: bold } .heading { font-weight: bold }"
  print "  .ours { fill: #0969da } .theirs { fill: #8c959f }"
  print "  @media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3 } .ours { fill: #4493f8 } .theirs { fill: #6e7681 } }\n</style>"
  print "<rect class=\"page\" width=\"100%\" height=\"100%\"/>"
  text(24, y, "title", title)
  text(24, y + 24, "name", "of all that 100 flows sent, two-way; and how long the flow that waited longest was without an answer")
  y += 24
  for (k = 1; k <= faults; k++) {
    if (!(fault[k] in heading)) continue
    y += 40
    text(24, y, "heading", heading[fault[k]])
    for (i = 1; i <= bars[fault[k]]; i++) bar(fault[k], i)
  }
  print "</svg>"
}
