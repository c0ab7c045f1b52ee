#!/usr/bin/env bash
# The bill of materials, CycloneDX as JSON, of what is built into the binary: target/pmclone.cdx.json.
# Needs cargo-cyclonedx (`cargo install --locked cargo-cyclonedx`).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo cyclonedx --format json --describe binaries --no-build-deps --override-filename pmclone.cdx
mkdir -p target
find . -maxdepth 1 -name 'pmclone*.cdx*.json' -exec mv {} target/pmclone.cdx.json \;
