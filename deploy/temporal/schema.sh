#!/bin/sh
# Makes Temporal's two databases and brings their schemas up to date. Where they
# are is in SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD, SQL_PLUGIN. Safe to repeat.
set -eu

schemas=/etc/temporal/schema/postgresql/v12

for database in temporal temporal_visibility; do
  case $database in
    temporal) folder=temporal ;;
    *) folder=visibility ;;
  esac
  temporal-sql-tool --database "$database" create-database
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema --schema-dir "$schemas/$folder/versioned"
done
