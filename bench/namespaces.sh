# shellcheck shell=bash
# The kernel's floor: three network namespaces in a row, client - relay - backend, made here and taken away again. In the middle
# the kernel forwards by route or by DNAT, or a contender relays as ever.

namespaces="" # their common prefix while they are up
readonly client_address=198.18.1.1 middle_address=198.18.1.254 server_address=198.18.2.1 # RFC 2544's, for measuring

in_place() { # PLACE COMMAND...
  local place=$1
  shift
  ip netns exec "$namespaces-$place" "$@" 2>>"$work/namespaces.log"
}

# The middle's part of the kernel's work is done on the relay's core, whoever has sent.
steer() { # DEVICE
  # shellcheck disable=SC2016 # expanded within
  in_place relay sh -c 'echo "$2" >"/sys/class/net/$1/queues/rx-0/rps_cpus"' sh "$1" "$(printf %x $((1 << relay_core)))"
}

namespaces_up() { # 1 where not permitted
  local place
  command -v ip >/dev/null || { reason="no command ip (package iproute2)"; return 1; }
  namespaces=bench-$$
  reason="network namespaces are not permitted here"
  for place in client relay backend; do
    ip netns add "$namespaces-$place" 2>>"$work/namespaces.log" && in_place "$place" ip link set lo up || { namespaces_down; return 1; }
  done
  { in_place relay ip link add to-client type veth peer name eth0 netns "$namespaces-client" &&
    in_place relay ip link add to-backend type veth peer name eth0 netns "$namespaces-backend" &&
    in_place relay ip address add "$middle_address/24" dev to-client && in_place relay ip link set to-client up &&
    in_place relay ip address add 198.18.2.254/24 dev to-backend && in_place relay ip link set to-backend up &&
    in_place client ip address add "$client_address/24" dev eth0 && in_place client ip link set eth0 up &&
    in_place backend ip address add "$server_address/24" dev eth0 && in_place backend ip link set eth0 up &&
    in_place client ip route add default via "$middle_address" && in_place backend ip route add default via 198.18.2.254 &&
    in_place relay sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' && steer to-client && steer to-backend; } ||
    { reason="setting up network namespaces: $(tail -n 1 "$work/namespaces.log")"; namespaces_down; return 1; }
}

namespaces_down() {
  local place
  [[ -n $namespaces ]] || return 0
  for place in client relay backend; do ip netns del "$namespaces-$place" 2>/dev/null || true; done
  namespaces=""
}

measure_across() { # ADDRESS:PORT
  measure namespaces many "$1" --flows 1000 --size 200 --seconds "$seconds"
}

measure_in_namespaces() {
  local front_host=$middle_address backend_host=$server_address status=0
  namespaces_up || { skip "$contender between namespaces" "$reason"; return 0; }
  if start "$contender"; then
    if compiles; then behind echo load many "$front_host:$front" --seconds 5 || status=1; fi
    ((status == 1)) || behind echo measure_across "$front_host:$front" || status=1
    stop "$pid"
  else
    status=1
  fi
  namespaces_down
  return "$status"
}

dnat() { # PORT -> the backend
  command -v nft >/dev/null || { reason="no command nft (package nftables)"; return 1; }
  in_place relay nft -f - <<<"table ip bench {
    chain prerouting { type nat hook prerouting priority dstnat; ip daddr $middle_address udp dport $front dnat to $server_address:$backend; }
  }" || { reason="nft: $(tail -n 1 "$work/namespaces.log")"; return 1; }
}

# No process at all: the kernel's own ways.
measure_kernel() {
  local backend_host=$server_address contender
  contender=routing
  namespaces_up || { skip "the kernel's floor" "$reason"; return 0; }
  pid="" cpu_pids=""
  behind echo measure_across "$server_address:$backend" || skip "$contender" "$reason"
  contender=nftables-dnat
  { dnat && behind echo measure_across "$middle_address:$front"; } || skip "$contender" "$reason"
  namespaces_down
}
