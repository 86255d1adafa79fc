#!/usr/bin/env bash
# Brings the jars of the OPC UA server of Eclipse Milo, for the tests, to .fieldline/milo. Needs Maven and Java 17.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
target="$root/.fieldline/milo"

if compgen -G "$target/milo-sdk-server-*.jar" > /dev/null; then
  echo "Milo is in $target already"
  exit
fi
# Into a folder beside it first, so that a broken download never looks like a whole one.
partial="$target.partial"
rm -rf "$partial"
mkdir -p "$partial"
mvn --batch-mode --quiet --file "$root/deploy/ci/milo-pom.xml" \
  dependency:copy-dependencies "-DoutputDirectory=$partial" -DincludeScope=runtime
rm -rf "$target"
mv "$partial" "$target"
echo "Milo is in $target"
