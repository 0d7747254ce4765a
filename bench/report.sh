# shellcheck shell=bash
# What was measured, on what; the tables and the picture are awk's.

steal() { awk '/^cpu / { for (i = 2; i <= 9; i++) all += $i; print $9, all }' /proc/stat; }

versions() {
  local names=" ${running[*]} "
  printf -- '- commit %s' "$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)"
  [[ $names != *" nginx "* ]] || printf '; %s' "$(nginx -v 2>&1 | sed 's/.*: //')"
  [[ $names != *" dnsdist "* ]] || printf '; %s' "$(dnsdist --version | head -n 1 | cut -d' ' -f1,2)"
  [[ ! -e $work/sluice-version ]] || printf '; %s' "$(sed 's/  */ /; s/$/;/' "$work/sluice-version" | paste -sd' ' | sed 's/;$//')"
  [[ -z ${libraries:-} ]] || printf '; Netty %s' "$(sed -n 's/.*netty-transport-\([0-9][^/]*\)\.jar.*/\1/p' <<<"${libraries//:/$'\n'}" | head -n 1)"
  printf '\n'
}

describe() { # TITLE
  local before after each
  read -ra before <<<"$steal_before"
  read -ra after <<<"$(steal)"
  printf '# %s, %s%s\n\n' "$1" "$day" "${kind:+ (${kind#-} run: not to be quoted)}"
  printf -- '- relay on core %s, generator and backend on core %s; %s, %s cores\n' "$relay_core" "$other_core" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"
  printf -- '- Linux %s; net.core.rmem_max %s; load average when it began %s; %s %% of the machine'\''s time stolen by its host\n' "$(uname -r)" \
    "$(</proc/sys/net/core/rmem_max)" "$load_before" \
    "$(awk -v s=$((after[0] - before[0])) -v a=$((after[1] - before[1])) 'BEGIN { printf "%.1f", (a > 0 ? 100 * s / a : 0) }')"
  versions
  printf -- '- paced at %s requests a second%s\n' "${pace:-$default_pace}" "$([[ -n $pace ]] && echo ", half of what nginx answers" || echo " (nginx did not take part)")"
  for each in "${skipped[@]}"; do printf -- '- not measured: %s\n' "$each"; done
}

report() {
  local all=("$samples")
  if [[ -e $here/results/$day-soak.jsonl ]]; then all+=("$here/results/$day-soak.jsonl"); fi
  {
    describe "UDP relays compared"
    printf -- '- %s rounds of %s s a load, the first discarded; taken in turn: %s\n' "$rounds" "$seconds" "${running[*]}"
    printf '\n![CPU a datagram, by load and contender](%s)\n' "$(basename "$picture")"
    awk -f "$here/samples.awk" -f "$here/report.awk" "${all[@]}"
  } >"$result"
  awk -v title="CPU a datagram, $day${kind:+ (${kind#-} run)}" -f "$here/samples.awk" -f "$here/picture.awk" "$samples" >"$picture"
}
