# shellcheck shell=bash
# Contenders: what each needs, how each is started, and in which loads it takes part.

# Fixed, as bench/sluice.conf names them; below every ephemeral range.
readonly front=9400 backend=9401 one_way_front=9410
front_host=127.0.0.1 backend_host=127.0.0.1
idle=1 # seconds after which a flow without datagrams ends

readonly contenders_known="nginx c-relay c-relay-gro dnsdist netty-channels lean sluice sluice-peer"
readonly contenders_usual="nginx,c-relay,c-relay-gro,dnsdist,sluice"

skipped=() running=()
skip() { # WHAT REASON
  skipped+=("$1: $2")
  say "skipping $1: $2"
}

# Whether the contender whose turn it is takes part in that load, and the load is wanted.
wanted() { # LOAD
  [[ ,$loads, == *,$1,* ]] || return 1
  case $contender in
    c-relay-gro) [[ $1 == b ]] ;; # differs in nothing else
    dnsdist) [[ $1 == e ]] ;;
    netty-channels | lean) [[ $1 != memory && $1 != namespaces && $1 != warmup ]] ;; # evidence for ADR 1, and only for that
    *) [[ $1 != warmup ]] || compiles ;;
  esac
}

# Those that compile as they run are warmed up before anything is measured.
compiles() { [[ $contender == sluice* || $contender == netty-channels || $contender == lean ]]; }

build_c() {
  local flags=(-std=gnu17 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE)
  command -v cc >/dev/null || fail "no cc; install gcc or clang"
  cc "${flags[@]}" -o "$work/load" "$here"/{load,clients,setup,backends,sends,net,payload}.c
  cc "${flags[@]}" -o "$work/relay" "$here/relay.c"
}

find_jdk() { # sets jdk
  for jdk in "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* "${HOME:-/}"/.sdkman/candidates/java/* "${HOME:-/}"/.jdks/*; do
    if [[ -x $jdk/bin/javac ]] && grep -qs '^JAVA_VERSION="25[".]' "$jdk/release"; then return; fi
  done
  return 1
}

# Netty and Caffeine alone: with a logger on the class path Netty would log at every level.
find_libraries() { # sets libraries
  [[ -n ${libraries:-} ]] && return
  mvn -q -B -f "$root/pom.xml" -pl proxy dependency:build-classpath -Dmdep.outputFile="$work/class-path" >"$work/mvn.log" 2>&1 || return 1
  libraries=$(tr : '\n' <"$work/class-path" | grep -E '/(netty|caffeine|jspecify)-[^/]*$' | paste -sd :)
}

compile_java() { # NAME SOURCE
  find_jdk || { skip "$1" "no JDK 25 (set JAVA_HOME)"; return 1; }
  find_libraries || { skip "$1" "mvn found no class path: $(tail -n 1 "$work/mvn.log")"; return 1; }
  "$jdk/bin/javac" -proc:none -nowarn -d "$work/classes" -cp "$libraries" "$2" 2>"$work/javac.log" ||
    { skip "$1" "it does not compile: $(head -n 1 "$work/javac.log")"; return 1; }
}

prepare() { # NAME: 0 when it can take part
  case $1 in
    nginx)
      command -v nginx >/dev/null || { skip nginx "not installed (packages nginx and libnginx-mod-stream)"; return 1; }
      modules=$(nginx -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p')
      [[ -e $modules/ngx_stream_module.so ]] || { skip nginx "no stream module (package libnginx-mod-stream)"; return 1; } ;;
    c-relay | c-relay-gro) ;;
    dnsdist) command -v dnsdist >/dev/null || { skip dnsdist "not installed (package dnsdist)"; return 1; } ;;
    netty-channels) compile_java "$1" "$here/NettyRelay.java" ;;
    lean)
      [[ -n ${SLUICE_PROTOTYPE:-} ]] || { skip lean "SLUICE_PROTOTYPE does not name LeanRelay.java"; return 1; }
      compile_java "$1" "$SLUICE_PROTOTYPE" ;;
    sluice*)
      [[ -x $root/sluice ]] || { skip "$1" "no launcher ./sluice in this checkout"; return 1; }
      find_jdk || { skip "$1" "no JDK 25 (set JAVA_HOME)"; return 1; }
      "$root/sluice" version >"$work/sluice-version" 2>&1 || { skip "$1" "./sluice version fails: $(tail -n 1 "$work/sluice-version")"; return 1; } ;;
  esac
}

relay_java() { # MAIN ARGS...: with the launcher's own options
  local options
  options=$(sed -n 's/^java_options="\(.*\)"$/\1/p' "$root/sluice" 2>/dev/null || true)
  # Options are meant to be split into words.
  # shellcheck disable=SC2086
  launch relay "$log" "$jdk/bin/java" ${options:---enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow} \
    -cp "$work/classes:$libraries" "$@"
}

fill_in() { # FILE: writes what stands between at-signs
  sed -e "s#@MODULES@#${modules:-}#; s/@FILES@/$files/; s/@CONNECTIONS@/$((2 * files + 100))/; s/@IDLE@/$idle/" \
    -e "s/@FRONT@/$front_host:$front/; s/@BACKEND@/$backend_host:$backend/" "$1"
}

sluice_conf() { # NAME
  local peers=""
  if [[ $1 == sluice-peer ]]; then peers="; 0,/^ *max-datagram = .*/s//&\n      peer-sockets = connected/"; fi # the first front; one-way ones have none
  sed -e "s/127.0.0.1:$front/$front_host:$front/; s/127.0.0.1:$backend/$backend_host:$backend/; s/idle-timeout = 1s/idle-timeout = ${idle}s/$peers" "$here/sluice.conf"
}

start() { # NAME: sets pid, cpu_pids, one_way
  local gro=()
  if [[ -z $namespaces ]] && bound "$front" self; then reason="port $front is taken"; return 1; fi
  log=$work/$1.log one_way=$front
  if [[ $1 == *-gro ]]; then gro=(--gro); fi
  case $1 in
    nginx)
      mkdir -p "$work/nginx"
      fill_in "$here/nginx.conf" >"$work/nginx/nginx.conf"
      launch relay "$log" nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" ;;
    c-relay*) launch relay "$log" "$work/relay" "$front_host:$front" "$backend_host:$backend" --idle "$idle" "${gro[@]}" ;;
    dnsdist)
      fill_in "$here/dnsdist.conf" >"$work/dnsdist.conf"
      launch relay "$log" dnsdist --supervised --disable-syslog -C "$work/dnsdist.conf" ;;
    netty-channels) relay_java NettyRelay "$front" "$backend" "$idle" ;;
    lean) relay_java LeanRelay "$front" "127.0.0.1:$backend" ;;
    sluice*)
      one_way=$one_way_front
      sluice_conf "$1" >"$work/$1.conf"
      SLUICE_BUILD=never launch relay "$log" "$root/sluice" run -c "$work/$1.conf" ;;
  esac
  await "$one_way" || { reason="it does not come up: $(tail -n 1 "$log")"; stop "$pid"; return 1; }
  cpu_pids=$pid
  if [[ $1 == nginx ]]; then # the work is done by a child, begun after the port is bound
    local worker="" tries=0
    while [[ -z $worker ]] && ((tries++ < 50)); do
      sleep 0.1
      read -r worker <"/proc/$pid/task/$pid/children" || true
    done
    cpu_pids+=,$worker
  fi
}
