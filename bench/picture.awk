# From samples.awk's samples to SVG: what a datagram costs, a panel of bars for each load, with its ratio to nginx's.
function escape(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); return text }
function text(x, y, class, what) { printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, escape(what) }

function panel(heading, as, key,    i, w, most, value, width) {
  if (!measured(as)) return
  most = 0
  for (i = 1; i <= contenders; i++) if ((value = median(names[i], as, key)) + 0 > most) most = value
  if (most == 0) return
  y += 40
  text(24, y, "heading", heading)
  for (i = 1; i <= contenders; i++) {
    w = names[i]
    value = median(w, as, key)
    if (value == "") continue
    y += 24
    width = 400 * value / most
    text(24, y + 4, "name", w)
    printf "<rect x=\"150\" y=\"%d\" width=\"%.1f\" height=\"16\" rx=\"2\" class=\"%s\"/>\n", y - 9, width, w ~ /^sluice/ ? "ours" : "theirs"
    text(158 + width, y + 4, "name", sprintf("%.2f us", value) (w == "nginx" || ratio(w, "nginx", as, key) == "-" ? "" : ", " ratio(w, "nginx", as, key) " of nginx's"))
  }
}

END {
  y = 36
  # Twice: what comes first must say how high the picture is.
  rows = 0
  panels = split("many,trains,oneway,one,setup,dns,namespaces", loads, ",")
  for (p = 1; p <= panels; p++) {
    if (!measured(loads[p])) continue
    rows += 40
    for (i = 1; i <= contenders; i++) if (collect(names[i], loads[p], "round")) rows += 24
  }
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%d\" viewBox=\"0 0 800 %d\" role=\"img\">\n", y + rows + 30, y + rows + 30
  printf "<title>%s</title>\n", escape(title)
  print "<style>\n  .page { fill: #ffffff } text { font: 13px sans-serif; fill: #1f2328 } .title { font-size: 17px; font-weight: bold } .heading { font-weight: bold }"
  print "  .ours { fill: #0969da } .theirs { fill: #8c959f }"
  print "  @media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #e6edf3 } .ours { fill: #4493f8 } .theirs { fill: #6e7681 } }\n</style>"
  print "<rect class=\"page\" width=\"100%\" height=\"100%\"/>"
  text(24, y, "title", title)
  panel("(a) many small: 1,000 flows of 200 bytes", "many", "cpu_us_per_datagram")
  panel("(b) elephants: 10 flows in trains of 1,200 bytes", "trains", "cpu_us_per_datagram")
  panel("(c) one-way: 100 sources", "oneway", "cpu_us_per_datagram")
  panel("one flow, window 64", "one", "cpu_us_per_datagram")
  panel("(d) set-up: a flow, opened, with its two datagrams", "setup", "cpu_us_per_flow")
  panel("(e) DNS: a query", "dns", "cpu_us_per_query")
  panel("(a) between network namespaces: the whole core", "namespaces", "cpu_us_per_datagram")
  print "</svg>"
}
