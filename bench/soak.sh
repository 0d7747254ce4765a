# shellcheck shell=bash
# bench/run --soak MINUTES: Sluice alone, at half of nginx's rate, with every pause of its JVM on record.

# Pauses of the whole JVM: those of the collector, and safepoints for any reason, which contain them.
pauses() { # LOG
  awk '
    / Pause .*ms$/ { ms = $NF + 0; pauses++; if (ms > worst) worst = ms }
    /Safepoint "/ { sub(/.*Total: /, ""); ns = $1 + 0; stops++; if (ns > longest) longest = ns }
    END { printf "\"gc_pauses\":%d,\"worst_gc_pause_ms\":%.3f,\"safepoints\":%d,\"worst_safepoint_ms\":%.3f", pauses, worst, stops, longest / 1e6 }' "$1"
}

hold_rate() { # SECONDS
  local before
  load many "$front" --flows 1000 --size 200 --rate "${pace:-$default_pace}" --seconds 10 || return 1
  before=$(process_bytes)
  load many "$front" --flows 1000 --size 200 --rate "${pace:-$default_pace}" --seconds "$1" || return 1
  grown=$(($(process_bytes) - before))
}

find_pace() { # what nginx answers, halved; half again, as a reply and its request are two datagrams
  start nginx && behind echo load many "$front" --flows 1000 --size 200 --seconds 5 && stop "$pid" || return 1
  pace=$(awk -v r="$(value relayed_per_second)" 'BEGIN { printf "%d", r / 4 }')
}

soak() { # MINUTES
  local fields seconds grown status=0
  seconds=$(awk -v m="$1" 'BEGIN { printf "%.0f", m * 60 }')
  result=$here/results/$day-soak.md samples=$here/results/$day-soak.jsonl round=2
  contender=nginx
  if prepare nginx; then find_pace || fail "$reason"; fi
  contender=sluice
  prepare sluice || fail "nothing to soak"
  SLUICE_JAVA_OPTS="${SLUICE_JAVA_OPTS:-} -Xlog:gc,safepoint:file=$work/pauses.log:uptime" start sluice || fail "$reason"
  behind echo hold_rate "$seconds" || status=1
  stop "$pid"
  ((status == 0)) || fail "$reason"
  : >"$samples"
  fields=${line#\{}
  sample soak "${fields%\}}" "\"minutes\":$1" "\"grown_bytes\":$grown" "$(pauses "$work/pauses.log")"
  cp "$work/pauses.log" "$here/results/$day-soak.log"
  { describe "Sluice at half of nginx's rate for $1 minutes"; awk -f "$here/samples.awk" -f "$here/soak.awk" "$samples"; } >"$result"
}
