# bench/run's samples (one flat JSON object a line), and what is made of them. The first round is discarded.
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

function insert(x,    i) {
  for (i = count++; i > 0 && sorted[i] > x; i--) sorted[i + 1] = sorted[i]
  sorted[i + 1] = x
}
function collect(who, as, key,    r) { # into sorted[1..count]
  count = 0
  for (r = 2; r <= rounds; r++) if ((who, as, key, r) in sample) insert(sample[who, as, key, r] + 0)
  return count
}
function median(who, as, key) {
  if (!collect(who, as, key)) return ""
  return count % 2 ? sorted[(count + 1) / 2] : (sorted[count / 2] + sorted[count / 2 + 1]) / 2
}
function best(who, as, key) { return collect(who, as, key) ? sorted[1] : "" }
function total(who, as, key,    i, sum) { if (!collect(who, as, key)) return ""; sum = 0; for (i = 1; i <= count; i++) sum += sorted[i]; return sum }
function spread(who, as, key, format,    m) {
  m = median(who, as, key)
  return m == "" ? "-" : sprintf(format " (" format "-" format ")", m, sorted[1], sorted[count])
}
function ratio(who, other, as, key,    a, b) {
  a = median(who, as, key); b = median(other, as, key)
  return a == "" || b == "" || b == 0 ? "-" : sprintf("%.2f", a / b)
}

function measured(as,    i) {
  for (i = 1; i <= contenders; i++) if (collect(names[i], as, "round")) return 1
  return 0
}
function sampled(who, as, key, what,    r) {
  for (r = 2; r <= rounds; r++) if (sample[who, as, key, r] == what) return 1
  return 0
}
