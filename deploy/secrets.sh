#!/usr/bin/env bash
# Makes the secrets that compose.yaml hands to the containers, new and random, in deploy/secrets/.
set -euo pipefail

folder="$(dirname "${BASH_SOURCE[0]}")/secrets"
if [[ -e "$folder" ]]; then
    echo "$folder is there already, and stays as it is: the databases know its passwords." >&2
    exit 1
fi

origin="${ORIGIN:-http://127.0.0.1:8080}" # where browsers reach the shop

password() { openssl rand -hex 24; }
base64url() { base64 --wrap 0 | tr '+/' '-_' | tr -d '='; }
key() { openssl rand 32 | base64url; }

umask 077 # the folder is its owner's alone
mkdir "$folder"
cd "$folder"

# What the tokens of each caller may say (docs/identity.md); the gateway's, everything: it knows the users.
may_bff='"audiences":["catalog","inventory","reviews","discount","basket","ordering","shipping","recommendation","feed","pickup"],"scopes":["shop","guest"]'
may_agent='"audiences":["catalog","inventory","reviews","discount","basket","ordering","shipping","pickup"],"scopes":["shop","guest"]'
declare -A may=(
    [gateway]='"audiences":["*"]'
    [bff-web]="$may_bff"
    [bff-mobile]="$may_bff"
    [bff-operator]='"audiences":["ordering","identity","sales"],"scopes":["orders:read","users:read","sales:read"],"guests":false'
    [bff-agent]="$may_agent"
    [ordering]='"audiences":["catalog","basket","inventory","discount","shipping","pickup"],"scopes":["shop"],"guests":false'
    [payment]='"audiences":["acquirer"],"scopes":["acquirer"],"users":["payment"],"guests":false'
    [recommendation]='"audiences":["ordering"],"scopes":["orders:replay"],"users":["recommendation"],"guests":false'
    [sales]='"audiences":["ordering"],"scopes":["orders:replay"],"users":["sales"],"guests":false'
    [feed]='"audiences":["catalog","inventory"],"scopes":["facts:replay"],"users":["feed"],"guests":false'
)
issuers=()
for caller in gateway bff-web bff-mobile bff-agent bff-operator ordering payment recommendation sales feed; do
    file="${caller//-/_}_signing_key"
    openssl genpkey -algorithm ed25519 -out "$file"
    public="$(openssl pkey -in "$file" -pubout -outform DER | tail --bytes 32 | base64url)"
    issuers+=("\"$caller\":{\"keys\":[\"$public\"],${may[$caller]}}")
done
(IFS=,; echo "{${issuers[*]}}") >token_issuers

echo "[\"$(key)\"]" >session_encryption_keys
echo "[\"$(key)\"]" >identity_encryption_keys
password >session_client_secret
cat >identity_clients <<JSON
{
  "web": {
    "name": "the shop",
    "secret": "$(<session_client_secret)",
    "redirect_uris": ["$origin/web/session/callback"],
    "post_logout_redirect_uris": ["$origin/"],
    "backchannel_logout_uri": "http://gateway:8000/web/session/backchannel-logout"
  },
  "mobile": {
    "name": "the shop's app",
    "redirect_uris": ["com.frontispiece.shop:/callback"],
    "backchannel_logout_uri": "http://gateway:8000/web/session/backchannel-logout"
  },
  "mobile-web": {
    "name": "the shop's app",
    "redirect_uris": ["$origin/m/callback"],
    "backchannel_logout_uri": "http://gateway:8000/web/session/backchannel-logout",
    "scopes": ["shop"]
  },
  "agent": {
    "name": "an assistant",
    "redirect_uris": ["http://127.0.0.1/callback"],
    "backchannel_logout_uri": "http://gateway:8000/web/session/backchannel-logout",
    "scopes": ["shop"],
    "resource": "$origin/agent/mcp"
  }
}
JSON

password >postgres_password
for service in identity catalog inventory discount reviews payment shipping notification acquirer \
    ordering_0 ordering_0_read ordering_1 ordering_1_read feed_0 feed_1 pickup_0 pickup_1; do
    echo "postgresql+psycopg://$service:$(password)@postgres/$service" >"${service}_database_url"
done
shard() { # its name, and the database of its log and its read model
    echo "\"$1\":{\"database_url\":\"$(<"$2_database_url")\",\"read_database_url\":\"$(<"$2_read_database_url")\"}"
}
echo "{$(shard 0 ordering_0),$(shard 1 ordering_1)}" >ordering_shards
echo "{\"0\":{\"database_url\":\"$(<feed_0_database_url)\"},\"1\":{\"database_url\":\"$(<feed_1_database_url)\"}}" >feed_shards
echo "{\"0\":{\"database_url\":\"$(<pickup_0_database_url)\"},\"1\":{\"database_url\":\"$(<pickup_1_database_url)\"}}" >pickup_shards

nats_user() { # user, what it may publish, what it may subscribe to, the file of its URL
    local password
    password="$(password)"
    echo "nats://$1:$password@nats:4222" >"$4"
    echo "  { user: $1, password: \"$password\", permissions: { publish: [$2], subscribe: [$3] } }"
}
nats_service() { # service; what it may do is in deploy/nats/permissions.conf
    local password
    password="$(password)"
    echo "nats://$1:$password@nats:4222" >"$1_events_url"
    echo "  { user: $1, password: \"$password\", permissions: \$$1 }"
}
# A role reads the registry, and registers itself under its own names alone (docs/discovery.md).
nats_registry() { # role, names that it registers
    local name publish
    publish="'\$JS.API.STREAM.CREATE.KV_registry_instances', '\$JS.API.CONSUMER.CREATE.KV_registry_instances'"
    for name in "${@:2}"; do publish+=", '\$KV.registry_instances.$name.*'"; done
    nats_user "registry-$1" "$publish" "'_INBOX.registry.>'" "${1//-/_}_registry_url"
}
{
    echo "include ../../etc/nats/permissions.conf"
    echo "authorization { users: ["
    for service in inventory payment shipping notification ordering basket catalog discount recommendation sales feed; do
        nats_service "$service"
    done
    nats_user operator "'>'" "'>'" operator_events_url # for front events
    nats_registry gateway
    nats_registry discount discount discount-grpc
    nats_registry catalog catalog catalog-grpc
    for role in bff-web bff-mobile bff-operator bff-agent identity inventory basket reviews payment acquirer \
        ordering shipping notification recommendation sales feed pickup; do
        nats_registry "$role" "$role"
    done
    echo "]}"
} >nats_users

of_valkey() { # user, container, the files of its URL and its users
    local password digest
    password="$(password)"
    digest="$(printf %s "$password" | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
    echo "valkey://$1:$password@$2:6379/0" >"$3"
    cat >"$4" <<ACL
user $1 on #$digest ~* &* +@all -@admin -@dangerous
user default on nopass -@all +ping
ACL
}
of_valkey basket valkey basket_valkey_url valkey_acl
of_valkey gateway session-valkey session_valkey_url session_valkey_acl

# Containers get these files as they are, and their users are not the owner; the folder keeps others out.
find . -maxdepth 1 -type f -exec chmod 444 {} +
echo "The secrets are in $folder, for a shop at $origin."
