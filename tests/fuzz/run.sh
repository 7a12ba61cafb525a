#!/usr/bin/env bash
# run.sh SECONDS PROGRAMS TARGET...: fuzzes each target, as many at a time as there are cores, and prints a line for
# each. PROGRAMS is the folder of the built targets. Fails if there is a crash, with the commands to continue.
set -euo pipefail
cd "$(dirname "$0")/../.."

fuzz=tests/fuzz
out=target/fuzz

# run SECONDS PROGRAMS TARGET: fuzzes one target, and leaves its output and its result in target/fuzz.
run() {
    local seconds=$1 program=$2/$3 target=$3
    local log=$out/$target.log dictionary=$fuzz/dictionaries/$target.dict status=0
    mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
    local flags=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="$out/artifacts/$target/")
    [[ ! -f $dictionary ]] || flags+=(-dict="$dictionary")
    # New inputs go to the first folder.
    "$program" "${flags[@]}" "$out/corpus/$target" "$fuzz/corpus/$target" >"$log" 2>&1 || status=$?
    report "$program" "$target" "$log" "$status" >"$out/$target.result"
}

# report PROGRAM TARGET LOG STATUS: the line of one target, and how to continue after a crash.
report() {
    local program=$1 target=$2 log=$3 status=$4 crash
    # `#1234 NEW cov: 567 ft: …` and `stat::number_of_executed_units: 1234`
    awk -v target="$target" -v crashes="$((status != 0))" '
        $1 ~ /^#[0-9]+$/ {
            runs = substr($1, 2)
            for (i = 2; i < NF; i++) if ($i == "cov:") { coverage = $(i + 1); if ($2 == "INITED") first = coverage }
        }
        $1 == "stat::number_of_executed_units:" { runs = $2 }
        END {
            printf "%s: %d runs, coverage %d (%d new), %s\n", target, runs, coverage, coverage - first,
                crashes ? "crashed" : "0 crashes"
        }' "$log"
    ((status != 0)) || return 0
    crash=$(sed -n 's|.*Test unit written to ||p' "$log" | tail -n 1)
    if [[ -z $crash ]]; then
        echo "  see $log"
        return
    fi
    sed -n "/ panicked at /,/^note:/{/^note:/d; s/^/  /p}" "$log" | head -n 12
    echo "  reproduce: $program $crash"
    echo "  minimize:  $program -minimize_crash=1 -max_total_time=60 -exact_artifact_path=$crash.min $crash"
}

if [[ $1 == one ]]; then
    run "${@:2}"
    exit
fi

seconds=$1 programs=$2
shift 2
rm -f "$out"/*.result
printf '%s\n' "$@" | xargs --max-procs="$(nproc)" -I '{}' "$0" one "$seconds" "$programs" '{}'
cat "$out"/*.result
! grep --quiet --files-with-matches ' crashed$' "$out"/*.result
