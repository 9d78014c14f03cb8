#!/usr/bin/env bash
# Makes the secrets that compose.yaml hands to the containers, new and random, in deploy/secrets/.
set -euo pipefail

folder="$(dirname "${BASH_SOURCE[0]}")/secrets"
if [[ -e "$folder" ]]; then
    echo "$folder is there already, and stays as it is: the databases know its passwords." >&2
    exit 1
fi

password() { openssl rand -hex 24; }

umask 077 # the folder is its owner's alone
mkdir "$folder"
cd "$folder"

mkdir keys
openssl genpkey -algorithm ed25519 -out keys/token.pem
openssl pkey -in keys/token.pem -pubout -out token_public_key

password >postgres_password
for service in catalog inventory discount reviews ordering; do
    echo "postgresql+psycopg://$service:$(password)@postgres/$service" >"${service}_database_url"
done

basket="$(password)"
digest="$(printf %s "$basket" | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
echo "valkey://basket:$basket@valkey:6379/0" >basket_valkey_url
cat >valkey_acl <<ACL
user basket on #$digest ~* +@all -@admin -@dangerous
user default on nopass -@all +ping
ACL

# Containers get these files as they are, and their users are not the owner; the folder keeps others out.
find . -maxdepth 1 -type f -exec chmod 444 {} +
echo "The secrets are in $folder. keys/token.pem signs tokens: keep it apart from the running system."
