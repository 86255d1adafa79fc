#!/usr/bin/env bash
# Brings the jars of one Apache Kafka broker, for the tests, to .fieldline/kafka, with its classes as Java reads them quickest.
# Needs Maven and Java 17.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
target="${FIELDLINE_TEST_KAFKA_JARS:-$root/.fieldline/kafka}"

if compgen -G "$target/kafka_2.13-*.jar" > /dev/null; then
  echo "Kafka is in $target already"
else
  # Into a folder beside it first, so that a broken download never looks like a whole one.
  partial="$target.partial"
  rm -rf "$partial"
  mkdir -p "$partial"
  mvn --batch-mode --quiet --file "$root/deploy/ci/kafka-pom.xml" \
    dependency:copy-dependencies "-DoutputDirectory=$partial" -DincludeScope=runtime
  rm -rf "$target"
  mv "$partial" "$target"
  echo "Kafka is in $target"
fi
node "$root/deploy/bootstrap.mjs" node "$root/deploy/ci/keep-kafka-classes.ts"
