#!/bin/sh
# pmclone and the scripts that a competent developer would write instead, side by side before the simulator, in a folder that is gone
# afterwards: `benches/peers/run.sh`. Needs: cargo build --release, python3 with venv, node with npm, PyPI and the npm registry.
# PEERS_CUSTOMERS (200) is how many customers, PEERS_LATENCY_MS (150) how long an answer takes; ten minutes as it is.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PMCLONE=${PMCLONE:-$here/../../target/release/pmclone}
PMCLONE=$(cd "$(dirname "$PMCLONE")" && pwd)/$(basename "$PMCLONE")
export PMCLONE
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
cp "$here/package.json" "$here/package-lock.json" "$here/parallel.mjs" "$folder"
(cd "$folder" && npm ci --silent --no-audit --no-fund)

cd "$folder"
"$folder/venv/bin/python" "$here/compare.py" "$folder/venv/bin/python"
