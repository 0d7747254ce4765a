#!/usr/bin/env bash
# Asks a real nginx which server `hash $arg_k consistent` gives each key, for KetamaTest.
#
#   proxy/src/test/nginx/ketama-golden.sh > proxy/src/test/resources/io/sluice/balance/ketama-nginx.txt
#
# Needs nginx, curl, and root or CAP_NET_BIND_SERVICE: a `server` without a port means port 80.
# Everything listens on loopback (127.0.0.1, 127.0.1.*, 127.0.2.*, ::1; ports 19001-19010 and 80)
# and answers with its own name; the front is a Unix socket. nginx is stopped by its pid.
set -euo pipefail
export LC_ALL=C # sorts names as Java does

# Member sets, one a line: name or name=weight. Sorted below, because of two servers that claim the
# same point nginx prefers the one listed first, and Sluice lists members by name.
sets() {
  echo 127.0.0.1:19001
  echo 127.0.0.1:{19001,19002,19003}
  echo 127.0.0.1:190{01,02,03,04,05,06,07,08,09,10}
  eval "echo 127.0.1.{1..40}:19001"
  echo 127.0.0.1:19001 127.0.0.1:19002=2 127.0.0.1:19003=5
  echo 127.0.0.1:19001 127.0.0.1:19002=1000
  echo 127.0.0.1:19001=1000 127.0.0.1:19002=1000
  echo 127.0.2.1 127.0.2.2 127.0.2.3=3 127.0.2.4
  echo 127.0.0.1:19001 127.0.2.1 '[::1]:19001' '[::1]'
}

# Keys of eight characters. Beside 500 arbitrary ones: t* lie before a point that both servers of
# weight 1,000 claim, x* exactly on one of their points, w* beyond the last point of the three
# equal servers.
keys() {
  for i in {1..500}; do printf %s "$i" | sha256sum | cut -c1-8; done
  printf '%s\n' t0011105 t0060075 t0155521 t0223941 t0364876
  printf '%s\n' x0002131 x0003918 x0008633 x0009618 x0024406
  printf '%s\n' w0000049 w0000149 w0000314
}

dir=$(mktemp -d)
stop() {
  [[ -s $dir/pid ]] && kill -QUIT "$(<"$dir/pid")"
  while [[ -e $dir/pid ]]; do sleep 0.05; done # nginx removes it last
  rm -rf "$dir"
}
trap stop EXIT

sets | while read -r line; do tr ' ' '\n' <<<"$line" | sort | xargs; done >"$dir/sets"
keys >"$dir/keys"

{
  echo "pid $dir/pid; error_log $dir/error.log; events {} http { access_log off;"
  for path in body proxy fastcgi uwsgi scgi; do
    case $path in body) directive=client_body_temp_path ;; *) directive=${path}_temp_path ;; esac
    echo "$directive $dir/$path;"
  done
  n=0
  while read -r members; do
    echo "upstream set$n { hash \$arg_k consistent;"
    for member in $members; do
      weight=1
      [[ $member == *=* ]] && weight=${member#*=}
      echo "server ${member%=*} weight=$weight max_fails=0;"
    done
    echo "}"
    n=$((n + 1))
  done <"$dir/sets"
  echo "server { listen unix:$dir/front; location ~ ^/(set[0-9]+)\$ { proxy_pass http://\$1; } }"
  for name in $(tr ' ' '\n' <"$dir/sets" | sed 's/=.*//' | sort -u); do
    echo "server { listen $name; return 200 '$name\n'; }"
  done
  echo "}"
} >"$dir/nginx.conf"
nginx -e "$dir/error.log" -p "$dir" -c "$dir/nginx.conf"

echo "# Choices of $(nginx -v 2>&1 | sed 's/.*: //') with 'hash \$arg_k consistent'; made by ketama-golden.sh."
echo "# 'set': its members, name=weight where the weight is not 1; then each key and its server."
n=0
while read -r members; do
  echo "set $members"
  sed "s|.*|url = http://golden/set$n?k=&|" "$dir/keys" |
    curl -sS --fail --unix-socket "$dir/front" -K - | paste -d ' ' "$dir/keys" -
  n=$((n + 1))
done <"$dir/sets"
