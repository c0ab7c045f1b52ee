#!/usr/bin/env bash
# Makes fuzz/state.sqlite anew: the state file of a rehearsal in which everything happened that leaves a row. Needs a build
# (target/debug/pmclone, or what PMCLONE names) and sqlite3.
set -euo pipefail
cd "$(dirname "$0")/.."
pmclone=$(realpath "${PMCLONE:-target/debug/pmclone}")
here=$PWD
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
{ head -4 samples/customers.csv; sed -n '19,$p' samples/customers.csv; } > "$place/customers.csv"
cd "$place"
quietly() { "$pmclone" "$@" > told 2>&1 || true; }

# Answers are lost, and the run is killed: something stays in doubt, and something is parked and refused anyway.
printf 'nth 9 on POST /v1/customers error 500 stored done\nchance 1 on POST /v1/payment_intents/*/capture error 503\nchance 1 on POST /v1/payment_intents/*/cancel error 503\n' > faults
"$pmclone" run customers.csv --simulate --simulate-faults faults > told 2>&1 & run=$!
sleep 4
kill -KILL $run
wait $run || true
quietly resume --simulate --simulate-faults faults
quietly verify --simulate --all --rate off
quietly verify --charge --simulate --only 1001 --amount 100 --currency usd --simulate-faults faults
quietly refused --simulate --csv refused.csv
# The first refused one is mended.
grep -E 'legacy_id|sepa' refused.csv | head -2 | sed 's/pm_[A-Za-z0-9_]*/pm_1Mended/g' > mended.csv
quietly retry mended.csv --simulate --by fuzz
quietly undo --simulate --only 1002 --only 1003
quietly resume --simulate --sample 3
sqlite3 pmclone-rehearsal.db "INSERT OR IGNORE INTO sampled VALUES (1);
  INSERT OR IGNORE INTO stale SELECT s.customer, t.account, p.id, 1790000000, 'updated', 'evt_1', 'evt_1' FROM step s
    JOIN target t ON t.customer = s.customer AND t.position = s.target JOIN payment_method p ON p.customer = s.customer AND p.position = s.source
    WHERE s.kind = 3 AND s.state = 2 LIMIT 2;
  INSERT OR IGNORE INTO event (id, type, created, taken_at, about, effect) VALUES ('evt_1', 'account.updated', 1790000000, 1790000001, 'acct_1', 'nothing');
  INSERT OR IGNORE INTO found VALUES ('1001', -1, 'cus_1', 'x', 1790000000, NULL, NULL, 'req_1');" || true
rm -f "$here/fuzz/state.sqlite"
sqlite3 pmclone-rehearsal.db "PRAGMA page_size = 512; VACUUM INTO '$here/fuzz/state.sqlite'"
for table in $(sqlite3 "$here/fuzz/state.sqlite" "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1"); do
  echo "$table $(sqlite3 "$here/fuzz/state.sqlite" "SELECT count(*) FROM $table")"
done
ls -l "$here/fuzz/state.sqlite"
