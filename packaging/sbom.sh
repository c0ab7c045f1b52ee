#!/usr/bin/env bash
# The bill of materials, CycloneDX 1.5 as JSON, of what is built into the binary: target/pmclone.cdx.json. For this machine's target, or
# for the one that is named as the first argument.
# Needs cargo-cyclonedx (`cargo install --locked cargo-cyclonedx`).
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
cargo cyclonedx --format json --spec-version 1.5 --describe binaries --no-build-deps --target "$target"
mkdir -p target
# It is written beside Cargo.toml, with the binary's name, and names the folder that it was made in, which is nobody's business.
sed "s|file://$PWD|file:///pmclone|g" pmclone_bin.cdx.json > target/pmclone.cdx.json
rm pmclone_bin.cdx.json
echo "target/pmclone.cdx.json"
