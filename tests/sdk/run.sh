#!/bin/sh
# Runs the simulator against Stripe's official Python and Node libraries, in a folder that is gone afterwards.
# Needs: cargo build --release, python3 with venv, node with npm, PyPI and the npm registry.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
pmclone=${PMCLONE:-$here/../../target/release/pmclone}
folder=$(mktemp -d)
server=
clean_up() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/python/requirements.txt"
cp "$here/node/package.json" "$here/node/package-lock.json" "$here/node/test.mjs" "$folder"
(cd "$folder" && npm ci --silent --no-audit --no-fund)

cd "$folder"
echo whsec_python_and_others >"$folder/secret"
webhook=127.0.0.1:$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$pmclone" simulate --listen 127.0.0.1:0 --limits off --journal "$folder/world" \
    --webhook "http://$webhook" --webhook-secret-file "$folder/secret" >"$folder/url" &
server=$!
until [ -s "$folder/url" ]; do
    kill -0 "$server" || { echo "the simulator did not start" >&2; exit 1; }
    sleep 0.1
done
PMCLONE_SIMULATOR=$(head -n 1 "$folder/url")
PMCLONE_WEBHOOK=$webhook
export PMCLONE_SIMULATOR PMCLONE_WEBHOOK

failed=0
# First: what the others do is sent too, again and again while nobody takes it.
"$folder/venv/bin/python" "$here/python/test_webhooks.py" || failed=1
"$folder/venv/bin/python" "$here/python/test_simulator.py" || failed=1
node "$folder/test.mjs" || failed=1
exit "$failed"
