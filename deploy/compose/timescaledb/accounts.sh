#!/bin/sh
# Run once by the database image, on an empty volume: the database, its owner, and an account that only reads.
set -eu

secrets="${FIELDLINE_SECRETS:-/run/secrets}"

psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --no-psqlrc --quiet \
  --set ON_ERROR_STOP=1 \
  --set owner_password="$(cat "$secrets/database-fieldline")" \
  --set reader_password="$(cat "$secrets/database-grafana")" <<'SQL'
CREATE ROLE fieldline LOGIN PASSWORD :'owner_password';
CREATE ROLE fieldline_grafana LOGIN PASSWORD :'reader_password';
GRANT pg_read_all_data TO fieldline_grafana;
ALTER ROLE fieldline_grafana SET default_transaction_read_only = on;
ALTER ROLE fieldline_grafana SET search_path = fieldline;
CREATE DATABASE fieldline OWNER fieldline;
REVOKE CONNECT ON DATABASE fieldline FROM PUBLIC;
GRANT CONNECT ON DATABASE fieldline TO fieldline_grafana;
\connect fieldline
CREATE EXTENSION IF NOT EXISTS timescaledb;
SQL
