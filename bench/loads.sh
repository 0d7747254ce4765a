# shellcheck shell=bash
# Loads: what is asked of a contender that is up, and the samples that come of it, one JSON line each.

# a b c d e as in README.md; some only in the second and third round: they take long, or hardly vary.
readonly loads_known="a b c d e one paced drop memory warmup sends namespaces"
readonly new_flows=12000 kept_flows=10000 default_pace=20000
pace=""

seldom() { ((round >= 2 && round <= seldom_until)) && wanted "$1"; }

load() { # COMMAND ARGS...: sets line to its JSON; 1 when it fails
  local relay=$pid status=0 cpu=(--pid "$cpu_pids")
  if [[ -n $namespaces ]]; then cpu=(--core "$relay_core"); fi
  launch client "$work/line" "$work/load" "$@" "${cpu[@]}"
  local generator=$pid
  pid=$relay
  wait "$generator" || status=$?
  stop "$generator"
  line=$(<"$work/line")
  ((status == 0)) || { reason="load $1: $line"; return 1; }
}

sample() { # AS FIELDS...: adds one
  printf '{"round":%d,"contender":"%s","as":"%s",%s}\n' "$round" "$contender" "$1" "$(IFS=,; shift; echo "$*")" >>"$samples"
}

measure() { # AS COMMAND ARGS...
  local as=$1 fields
  shift
  load "$@" || return 1
  fields=${line#\{}
  sample "$as" "${fields%\}}"
}

value() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$line"; }

behind() { # BACKEND COMMAND...: with that backend up
  local relay=$pid status=0 serve
  case $1 in
    nsd) serve=(nsd -d -c "$work/nsd.conf") ;;
    *) serve=("$work/load" "$1" "$backend_host:$backend" 4000) ;;
  esac
  launch backend "$work/backend.log" "${serve[@]}"
  local server=$pid
  await "$backend" || fail "the backend $1 does not come up: $(<"$work/backend.log")"
  pid=$relay
  shift
  "$@" || status=1
  stop "$server"
  return "$status"
}

# Fifteen seconds of what follows, whichever loads are wanted: for those that compile as they run.
warm_replies() {
  load many "$front" --seconds 5 && load many "$front" --flows 1 --window 64 --seconds 3 && load setup "$front" --count 3000 &&
    load many "$front" --rate 5000 --seconds 1
}

warm_up() {
  load oneway "$one_way" --sink "$backend" --seconds 2 && behind train-echo load trains "$front" --seconds 3 && behind echo warm_replies
}

# ---- loads (a) to (e)

measure_replies() {
  if wanted a || wanted paced || wanted drop; then
    measure many many "$front" --flows 1000 --size 200 --seconds "$seconds" || return 1
    # Half of what nginx can do, the same for all and in all rounds; half again, as a reply and its request are two datagrams.
    if [[ -z $pace && $contender == nginx ]]; then pace=$(awk -v r="$(value relayed_per_second)" 'BEGIN { printf "%d", r / 4 }'); fi
  fi
  ! wanted one || measure one many "$front" --flows 1 --window 64 --size 200 --seconds "$seconds" || return 1
  ! wanted paced || measure paced many "$front" --flows 1000 --size 200 --rate "${pace:-$default_pace}" --seconds "$seconds" || return 1
  ! seldom drop || measure_drop || return 1
  wanted d || return 0
  measure setup setup "$front" --window 64 --count "$new_flows" --seconds 10 &&
    measure closing many "$front" --flows 20 --rate 2000 --warm 0 --seconds 3 # while those flows fall idle and are closed
}

measure_trains() { measure trains trains "$front" --flows 10 --size 1200 --train 16 --window 32 --seconds "$seconds"; }
measure_one_way() { measure oneway oneway "$one_way" --sources 100 --size 200 --burst 4 --sink "$backend" --seconds "$seconds"; }

# The highest rate at which less than 0.1 % is lost: 15 % more each time, until it is lost twice (a machine may stall once).
measure_drop() {
  local rate=$((${pace:-$default_pace} * 3 / 4)) held=0 failed=0 limit=relay
  while ((failed < 2)); do
    load many "$front" --flows 1000 --size 200 --rate "$rate" --seconds 1 --warm 0.2 || return 1
    if awk -v s="$(value sent_per_second)" -v r="$rate" 'BEGIN { exit !(s < 0.97 * r) }'; then
      limit=generator
      break
    elif (($(value lost) * 1000 < $(value sent))); then
      held=$rate failed=0 rate=$((rate * 115 / 100))
    else
      ((++failed))
    fi
  done
  sample drop "\"held_per_second\":$held" "\"limit\":\"$limit\""
}

# ---- (e): a real server's answers, a real client's questions

prepare_dns() {
  local each
  wanted e || return 0
  for each in nsd dnsperf; do
    command -v "$each" >/dev/null || { skip "(e) DNS" "$each is not installed (package $each)"; loads=,$loads,; loads=${loads/,e,/,}; return; }
  done
  sed "s#@WORK@#$work#g; s/@BACKEND@/$backend_host@$backend/" "$here/nsd.conf" >"$work/nsd.conf"
  { printf '@ 3600 IN SOA ns hostmaster 1 3600 900 86400 300\n@ 3600 IN NS ns\n'; printf 'ns 3600 IN A 192.0.2.1\n'
    printf 'host-%s 300 IN A 192.0.2.7\n' {1..1000}; } >"$work/bench.test.zone"
  printf 'host-%s.bench.test A\n' {1..1000} >"$work/questions"
}

ask() { # SECONDS
  local relay=$pid
  launch client "$work/dnsperf" dnsperf -s "$front_host" -p "$front" -d "$work/questions" -c 100 -q 200 -t 1 -l "$1"
  local client=$pid status=0
  pid=$relay
  wait "$client" || status=$?
  stop "$client"
  ((status == 0)) || { reason="dnsperf: $(tail -n 1 "$work/dnsperf")"; return 1; }
}

measure_dns() {
  local before spent
  before=$(cpu_ms "$cpu_pids")
  ask "$seconds" || return 1
  spent=$(($(cpu_ms "$cpu_pids") - before))
  sample dns "$(awk -v ms="$spent" '
    /Queries sent:/ { sent = $3 } /Queries completed:/ { done = $3 } /Queries lost:/ { lost = $3 } /Queries per second:/ { rate = $4 }
    /Run time/ { time = $4 } /Response codes:/ { if ($3 == "NOERROR") good = $4 } /Average Latency/ { latency = $4 * 1e6 }
    END { printf "\"sent\":%d,\"received\":%d,\"lost\":%d,\"wrong\":%d,\"queries_per_second\":%.0f,\"cpu_us_per_query\":%.3f,\"cpu_share\":%.3f,\"mean_us\":%.0f",
      sent, done, lost, done - good, rate, (done > 0 ? ms * 1000 / done : 0), ms / 1000 / time, latency }' "$work/dnsperf")"
}

# ---- memory a flow: what 10,000 open flows take, of the process and of the kernel

process_bytes() { # of memory shared with others only its share
  local each files=()
  for each in ${cpu_pids//,/ }; do files+=("/proc/$each/smaps_rollup"); done
  awk '/^Pss:/ { kb += $2 } END { printf "%.0f", kb * 1024 }' "${files[@]}"
}
# Objects in use where root may see them: pages of the slab would hide those an earlier contender left half empty. Less what is
# remembered of /proc: whoever lists a process's descriptors, as monitors do, leaves there an inode and its entry for each.
kernel_bytes() {
  if [[ -r /proc/slabinfo ]]; then
    awk 'NR > 2 { used[$1] = $2; size[$1] = $4; b += $2 * $4 }
      END { printf "%.0f", b - used["proc_inode_cache"] * (size["proc_inode_cache"] + size["dentry"] + size["lsm_inode_cache"]) }' /proc/slabinfo
  else
    awk '/^Slab:/ { printf "%.0f", $2 * 1024 }' /proc/meminfo
  fi
}
open_files() {
  local each count=0 files
  for each in ${cpu_pids//,/ }; do files=("/proc/$each/fd/"*) count=$((count + ${#files[@]})); done
  echo "$count"
}
heap_bytes() { # after a full collection; nothing where there is no heap
  ! compiles || "$jdk/bin/jcmd" "$pid" GC.class_histogram | awk '/^Total/ { print $3 }'
}

# Compiled code and opened classes are no flow's: a thousand flows come and go before the first reading.
settle() {
  local before tries=0
  compiles || return 0
  before=$(open_files)
  load many "$front" --flows 200 --seconds 2 && load setup "$front" --count 1000 || return 1
  while (($(open_files) > before)) && ((tries++ < 100)); do sleep 0.3; done
  heap_bytes >/dev/null
  sleep 1
}

hold_flows() {
  local heap kernel files process held
  settle || return 1
  files=$(open_files) heap=$(heap_bytes) kernel=$(kernel_bytes) process=$(process_bytes)
  load setup "$front" --window 64 --count "$kept_flows" --seconds 8 || return 1
  sleep 1.5
  heap=$(($(heap_bytes) - ${heap:-0})) kernel=$(($(kernel_bytes) - kernel)) process=$(($(process_bytes) - process))
  held=$(($(open_files) - files))
  ((held >= kept_flows)) || { reason="memory: $held flows were open, not $kept_flows"; return 1; }
  sample memory "$(awk -v n="$kept_flows" -v p="$process" -v h="$heap" -v k="$kernel" 'BEGIN {
    printf "\"process_bytes\":%.0f,\"heap_bytes\":%.0f,\"kernel_bytes\":%.0f,\"flow_bytes\":%.0f", p / n, h / n, k / n, (p + h + k) / n }')"
}

measure_memory() {
  local idle=10 status=0
  # All of a heap's pages are there from the start: so the process grows by what is outside the heap, and in it, what is alive counts.
  SLUICE_JAVA_OPTS="${SLUICE_JAVA_OPTS:-} -Xms128m -Xmx128m -XX:+AlwaysPreTouch" start "$contender" || return 1
  behind echo hold_flows || status=1
  stop "$pid"
  return "$status"
}

# ---- why sockets are connected

measure_sends() {
  launch relay "$work/line" "$work/load" sends 1000
  local status=0
  wait "$pid" || status=$?
  stop "$pid"
  line=$(<"$work/line")
  ((status == 0)) || { reason="load sends: $line"; return 1; }
  line=${line#\{}
  sample sends "${line%\}}"
}

# ---- how long until a datagram costs what it will cost

measure_warm_up() {
  local begun=${EPOCHREALTIME/./} up status=0
  start "$contender" || return 1
  up=$(((${EPOCHREALTIME/./} - begun) / 1000))
  behind echo load many "$front" --flows 1000 --size 200 --warm 0 --seconds 20.5 --each-second || status=1
  stop "$pid"
  ((status == 0)) || return 1
  sample warmup "\"start_ms\":$up" "$(sed -n 's/.*"second":\([0-9]*\),"cpu_us_per_datagram":\([0-9.]*\).*/"second_\1":\2/p' <<<"$line" | paste -sd,)"
}

# ---- all of them

measure_loads() {
  if compiles; then warm_up || return 1; fi
  ! wanted b || behind train-echo measure_trains || return 1
  behind echo measure_replies || return 1
  ! wanted c || measure_one_way || return 1
  ! wanted e || behind nsd measure_dns
}

wanted_any() { # LOAD...
  local each
  for each; do ! wanted "$each" || return 0; done
  return 1
}

takes_part() {
  # shellcheck disable=SC2086 # a list
  wanted_any ${loads_known/ sends/}
}

take_part() { # 1 when the contender is out, with the reason
  local status=0
  if wanted_any a b c d e one paced drop; then
    start "$contender" || return 1
    measure_loads || status=1
    stop "$pid"
  fi
  ((status == 0)) || return 1
  ! seldom memory || measure_memory || return 1
  ! seldom warmup || measure_warm_up || return 1
  ! seldom namespaces || measure_in_namespaces
}
