# shellcheck shell=bash
# Processes: each one started is noted, and ended by its id, whatever happens.

work=$(mktemp -d)
started=()

launch() { # PLACE LOG COMMAND...: sets pid. PLACE is relay, client or backend, and decides the core, and the namespace if there are any
  local place=$1 log=$2 core=$other_core within=()
  shift 2
  if [[ $place == relay ]]; then core=$relay_core; fi
  if [[ -n $namespaces ]]; then within=(ip netns exec "$namespaces-$place"); fi
  taskset -c "$core" "${within[@]}" "$@" >"$log" 2>&1 &
  pid=$!
  started+=("$pid")
}

# An id may be someone else's once its process has ended.
alive() { grep -qsx "PPid:[[:space:]]*$$" "/proc/$1/status"; }

stop() { # PID
  local tries=0
  if alive "$1"; then kill "$1" 2>/dev/null || true; fi
  while alive "$1" && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status" && ((tries++ < 150)); do sleep 0.1; done
  if alive "$1"; then kill -KILL "$1" 2>/dev/null || true; fi
  wait "$1" 2>/dev/null || true
  local kept=() each
  for each in "${started[@]}"; do [[ $each == "$1" ]] || kept+=("$each"); done
  started=("${kept[@]}")
}

tidy() {
  local each
  for each in "${started[@]}"; do stop "$each"; done
  namespaces_down
  rm -rf "$work"
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Whether anyone has bound the port, in the namespace of that process.
bound() { # PORT PID
  grep -qsi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") " "/proc/$2/net/udp" "/proc/$2/net/udp6"
}

# Waits until pid has bound the port; 1 when it ends before, or takes 30 s.
await() { # PORT
  local tries=0
  while ! bound "$1" "$pid"; do
    if ! alive "$pid" || ((tries++ >= 1000)); then return 1; fi
    sleep 0.03
  done
}

# User and system time of those processes so far, in ms; for what `load` does not drive itself.
cpu_ms() { # PID,...
  local each files=()
  for each in ${1//,/ }; do files+=("/proc/$each/stat"); done
  sed 's/.*) //' "${files[@]}" | awk -v hz="$(getconf CLK_TCK)" '{ ticks += $12 + $13 } END { printf "%d", 1000 * ticks / hz }'
}
