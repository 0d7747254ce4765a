# From bench/failover's samples to SVG: requests lost, a panel of bars for each failure, two-way.
function escape(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); return text }
function text(x, y, class, what) { printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, escape(what) }

{
  gsub(/[{}"]/, "")
  split("", v)
  n = split($0, pairs, ",")
  for (i = 1; i <= n; i++) { split(pairs[i], kv, ":"); v[kv[1]] = kv[2] }
  if (!("title" in v) || v["way"] != "two-way") next
  if (v["title"] != last) { rows += 40; heading[++bars] = v["title"]; last = v["title"] } else bars++
  rows += 24
  relay[bars] = v["relay"]; lost[bars] = v["lost"]; again[bars] = v["old_flows_again_max_ms"]
  if (v["lost"] + 0 > most) most = v["lost"] + 0
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
  text(24, y + 24, "name", "and how long the flow that waited longest was without an answer; 100 flows, two-way")
  y += 24
  for (i = 1; i <= bars; i++) {
    if (i in heading) { y += 40; text(24, y, "heading", heading[i]) }
    y += 24
    width = most == 0 ? 0 : 330 * lost[i] / most
    text(24, y + 4, "name", relay[i])
    printf "<rect x=\"190\" y=\"%d\" width=\"%.1f\" height=\"16\" rx=\"2\" class=\"%s\"/>\n", y - 9, width, relay[i] ~ /^sluice/ ? "ours" : "theirs"
    text(198 + width, y + 4, "name", sprintf("%d lost; ", lost[i]) (again[i] == "never" ? "never answered again" : sprintf("%.2f s", again[i] / 1000)))
  }
  print "</svg>"
}
