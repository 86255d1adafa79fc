#!/usr/bin/env bash
# Brings open62541, an OPC UA server library in C, for the tests, to .fieldline/open62541. Debian has no package of it; the source
# comes from crates.io, in the crate that binds it to Rust. Needs cargo 1.85, CMake, Python 3, gcc and libssl-dev.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
target="$root/.fieldline/open62541"

if [ -f "$target/lib/pkgconfig/open62541.pc" ]; then
  echo "open62541 is in $target already"
  exit
fi
# Installed at the very end, so that a broken build never looks like a whole one.
build="$target.build"
rm -rf "$build" "$target"
mkdir -p "$build"
cp "$root/deploy/ci/open62541-crate.toml" "$build/Cargo.toml"
cargo vendor --quiet --manifest-path "$build/Cargo.toml" "$build/vendor" > /dev/null
# Its optimisation at link time would cost every program that links it half a minute. The version is stated because it would ask git.
cmake -S "$build/vendor/open62541-sys/open62541" -B "$build/cmake" -DOPEN62541_VERSION=v1.5.10 \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF "-DCMAKE_INSTALL_PREFIX=$target" -DCMAKE_INSTALL_LIBDIR=lib \
  -DUA_ENABLE_ENCRYPTION=OPENSSL -DUA_ENABLE_PUBSUB=OFF -DUA_FORCE_WERROR=OFF > "$build/log"
cmake --build "$build/cmake" --parallel >> "$build/log"
cmake --install "$build/cmake" >> "$build/log"
rm -rf "$build"
echo "open62541 is in $target"
