#!/usr/bin/env bash
# The Debian package, in target/debian: the binary, its manual pages and completions, the runbook and the samples.
# Needs cargo-deb (`cargo install --locked cargo-deb`). PMCLONE_PROFILE=simulation leaves link-time optimisation out, to try
# the packaging in less time.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${PMCLONE_PROFILE:-release}
cargo build --locked --profile "$profile"
pmclone=target/$profile/pmclone
beside=target/packaging
rm -rf "$beside"
mkdir -p "$beside/man"
"$pmclone" man -o "$beside/man"
gzip -9n "$beside"/man/*.1
for shell in bash zsh fish; do "$pmclone" completions "$shell" > "$beside/$shell"; done
# The line numbers for backtraces are five times as large as the rest.
cargo deb --no-build --locked --strip --profile "$profile"
