#!/usr/bin/env bash
# A database and a role for each service, as its database URL among the secrets says; no service can enter
# another's. Runs when the server is first set up. Run again, it adds what is missing and changes passwords.
set -euo pipefail

secrets="${SECRETS:-/run/secrets}"
url_form='^postgresql\+psycopg://([a-z0-9_]+):([A-Za-z0-9]+)@[a-z0-9.-]+(:[0-9]+)?/([a-z0-9_]+)$'

sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres
}

sql <<'SQL'
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
SQL

for file in "$secrets"/*_database_url; do
    if ! [[ "$(<"$file")" =~ $url_form ]]; then
        echo "$file does not read postgresql+psycopg://ROLE:PASSWORD@HOST/DATABASE in plain letters" >&2
        exit 1
    fi
    # By the environment: what stands in a command line is there for everyone to see.
    NEW_ROLE="${BASH_REMATCH[1]}" NEW_PASSWORD="${BASH_REMATCH[2]}" NEW_DATABASE="${BASH_REMATCH[4]}" sql <<'SQL'
\getenv role NEW_ROLE
\getenv password NEW_PASSWORD
\getenv database NEW_DATABASE
SELECT format('CREATE ROLE %I', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
done
