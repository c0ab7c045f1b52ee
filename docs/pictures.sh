#!/usr/bin/env bash
# Makes the pictures of README.md anew, with pmclone itself: docs/pictures.sh, two minutes.
#
# It needs a build (target/debug/pmclone, or what PMCLONE names), tmux, python3 and Chromium; from Debian: apt-get install tmux
# python3 chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

pmclone=$(realpath "${PMCLONE:-target/debug/pmclone}")
here=$PWD
place=$(mktemp -d)
tmux() { command tmux -S "$place/tmux" "$@"; }
trap 'tmux kill-server 2>/dev/null; rm -rf "$place"' EXIT
cp -r samples "$place"
cd "$place"
mkdir bin && ln -s "$pmclone" bin/pmclone

# The end of a rehearsal, in a terminal of eighty columns.
tmux new-session -d -x 80 -y 50 "env -u NO_COLOR PATH=$place/bin:$PATH bash --norc --noprofile"
tmux send-keys "PS1='$ '; clear; tmux -S $place/tmux clear-history" Enter
sleep 1
tmux send-keys "pmclone run samples/customers.csv --simulate; command tmux -S $place/tmux wait-for -S done" Enter
tmux wait-for done
sleep 1
{
  printf '\e[1m$ pmclone run samples/customers.csv --simulate\e[m\n…\n'
  tmux capture-pane -e -p -S - | sed -n '/Finished/,$p' | sed '/^\$/,$d'
} | python3 "$here/docs/terminal.py" > "$here/docs/run.svg"
tmux kill-server

# The record of a rehearsal in which answers were lost and a run was killed.
cat > faults <<'FAULTS'
chance 0.01 lost-after
chance 0.01 error 503
every 300 limit endpoint-rate
FAULTS
rm pmclone-rehearsal.db*
pmclone=bin/pmclone
$pmclone sample --customers 400 --accounts 8 --seed 7 -o c.csv
$pmclone run c.csv --simulate --simulate-faults faults --quiet 2> /dev/null & run=$!
sleep 30
kill -KILL $run
wait $run || true
$pmclone resume --simulate --quiet 2> /dev/null || true
$pmclone verify --simulate --all --rate off > /dev/null 2>&1 || true
$pmclone verify --charge --simulate --sample 2 --amount 100 --currency usd > /dev/null 2>&1 || true
$pmclone report --simulate --quiet -o report.html
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 --window-size=1200,900 \
  --screenshot="$here/docs/report.png" "file://$place/report.html" 2> /dev/null
ls -l "$here/docs/run.svg" "$here/docs/report.png"
