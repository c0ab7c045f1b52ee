#!/usr/bin/env bash
# Coverage-guided fuzzing of everything that reads bytes from outside, each target for so long:
#
#   fuzz/run.sh [SECONDS] [TARGET…]      60 seconds each of answer, config, csv, faults and state, unless told otherwise
#
# On stable Rust: libFuzzer needs the compiler's coverage counters, which are LLVM's and not bound to a nightly. There is no
# address sanitizer, which the project's own code, being without `unsafe`, has no use for.
#
# What is found along the way is kept in fuzz/target/corpus and used the next time. An input that fails is written to
# fuzz/target/failed: copy it to fuzz/corpus/TARGET with the fix, and the ordinary tests give it to the code from then on.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
targets=("${@:2}")
[ "${#targets[@]}" -gt 0 ] || targets=(answer config csv faults state)

triple=$(rustc -vV | sed -n 's/^host: //p')
# The target is named, so that build scripts and macros are built without counters.
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
  cargo build --locked --release --target "$triple"

# One target: what it prints goes to a file, which is shown when it ends.
one() {
  local target=$1 log="target/$1.log" status=0
  mkdir -p "target/corpus/$target" "target/failed/$target"
  # New inputs go to the first folder; the second is the repository's.
  "target/$triple/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="target/failed/$target/" \
    "target/corpus/$target" "corpus/$target" >"$log" 2>&1 || status=$?
  printf '\n== %s, %s s\n' "$target" "$seconds"
  tail -n 40 "$log"
  return "$status"
}
export -f one
export triple seconds
# As many at a time as there are cores.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'one {}' || {
  printf '\nsomething failed: see fuzz/target/failed\n'
  exit 1
}
printf '\nnothing failed\n'
