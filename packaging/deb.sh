#!/usr/bin/env bash
# The Debian package, in target/debian: the binary, its manual pages and completions, the runbook and the samples.
# Needs cargo-deb (`cargo install --locked cargo-deb`).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release
beside=target/packaging
rm -rf "$beside"
mkdir -p "$beside/man"
target/release/pmclone man -o "$beside/man"
gzip -9n "$beside"/man/*.1
for shell in bash zsh fish; do target/release/pmclone completions "$shell" > "$beside/$shell"; done
cargo deb --no-build --locked
