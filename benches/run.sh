#!/usr/bin/env bash
# The figures of docs/speed.md, measured on this machine: `benches/run.sh`, half an hour on a quiet one.
#
# What each line means, and what can be set by the environment, is said in benches/limits/main.rs, benches/pipeline/main.rs and
# benches/peers/run.sh. PMCLONE_BENCH_PARTS (limits pipeline scale peers) leaves some of it out; PMCLONE_BENCH_PROFILE=simulation
# builds without link-time optimisation.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=" ${PMCLONE_BENCH_PARTS:-limits pipeline scale peers} "
profile=${PMCLONE_BENCH_PROFILE:-release}
told=$(mktemp)
trap 'rm -f "$told"' EXIT

bench() { cargo bench --locked --profile "$profile" --bench "$@" | tee -a "$told"; }

[[ $parts == *" limits "* ]] && bench limits -- lanes real
[[ $parts == *" pipeline "* ]] && bench pipeline -- calls import wide
[[ $parts == *" scale "* ]] && bench pipeline -- scale
if [[ $parts == *" peers "* ]]; then
  cargo build --locked --profile "$profile"
  PMCLONE="${CARGO_TARGET_DIR:-target}/$profile/pmclone" benches/peers/run.sh | tee -a "$told"
fi

printf '\n%s\n\n| | |\n| --- | --- |\n' "$(grep --max-count=1 '^pmclone ' "$told" || uname -srm)"
sed -n 's/^= //p' "$told"
