#!/usr/bin/env bash
# Makes the secrets that compose.yaml hands to the containers, new and random, in deploy/secrets/. Run again, as
# with a new version, it adds those that are missing: a secret that is there stays, since the databases know it.
set -euo pipefail

folder="$(dirname "${BASH_SOURCE[0]}")/secrets"

password() { openssl rand -hex 24; }
base64url() { base64 --wrap 0 | tr '+/' '-_' | tr -d '='; }
keys() { echo "[\"$(openssl rand 32 | base64url)\"]"; }

secret() { # file, the command that makes it
    if ! [[ -e "$1" ]]; then
        "${@:2}" >"$1.new"
        mv "$1.new" "$1"
    fi
}
derived() { # a file that is made of secrets, anew each time: where that changes it, the one of before stays beside it
    cat >"$1.new"
    if [[ -e "$1" ]] && ! cmp --quiet "$1" "$1.new"; then
        mv --force "$1" "$1.before"
        echo "$1 is new; what it was is in $1.before."
    fi
    mv --force "$1.new" "$1"
}
url() { echo "$1://$2:$(password)@$3"; }
password_in() { # the file of a URL
    local rest
    rest="$(<"$1")"
    rest="${rest#*://*:}"
    echo "${rest%%@*}"
}

umask 077 # the folder is its owner's alone
mkdir --parents "$folder"
cd "$folder"

if [[ -e ordering_database_url && ! -e ordering_shards ]]; then
    echo "Orders are in one database: docs/deploy.md says how they become shard 0 of ordering_shards." >&2
    exit 1
fi

# Where browsers reach the shop: as before, unless it is given.
if [[ -z "${ORIGIN:-}" && -e identity_clients && "$(<identity_clients)" =~ \"([^\"]*)/web/session/callback\" ]]; then
    ORIGIN="${BASH_REMATCH[1]}"
fi
origin="${ORIGIN:-http://127.0.0.1:8080}"
if ! [[ "$origin" =~ ^https?://[][[:alnum:].:-]+$ ]]; then
    echo "ORIGIN is to be one address such as https://shop.example, not: $origin" >&2
    exit 1
fi

# What the tokens of each caller may say (docs/identity.md); the gateway's, everything: it knows the users.
may_bff='"audiences":["catalog","inventory","reviews","discount","basket","ordering","shipping","recommendation","feed","pickup"],"scopes":["shop","guest"],"merges_guests":false'
may_agent='"audiences":["catalog","inventory","reviews","discount","basket","ordering","shipping","pickup"],"scopes":["shop","guest"],"merges_guests":false'
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
    secret "$file" openssl genpkey -algorithm ed25519
    public="$(openssl pkey -in "$file" -pubout -outform DER | tail --bytes 32 | base64url)"
    issuers+=("\"$caller\":{\"keys\":[\"$public\"],${may[$caller]}}")
done
(IFS=,; echo "{${issuers[*]}}") | derived token_issuers

secret session_encryption_keys keys
secret identity_encryption_keys keys
secret session_client_secret password
derived identity_clients <<JSON
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

secret postgres_password password
for service in identity catalog inventory discount reviews payment shipping notification acquirer \
    ordering_0 ordering_0_read ordering_1 ordering_1_read feed_0 feed_1 pickup_0 pickup_1; do
    secret "${service}_database_url" url postgresql+psycopg "$service" "postgres/$service"
done
shards() { # service; its two shards: the databases of each
    local name read entries=()
    for name in 0 1; do
        read=""
        [[ "$1" != ordering ]] || read=",\"read_database_url\":\"$(<"$1_${name}_read_database_url")\""
        entries+=("\"$name\":{\"database_url\":\"$(<"$1_${name}_database_url")\"$read}")
    done
    (IFS=,; echo "{${entries[*]}}")
}
for service in ordering feed pickup; do secret "${service}_shards" shards "$service"; done

nats_user() { # user, the file of its URL, its permissions
    secret "$2" url nats "$1" nats:4222
    echo "  { user: $1, password: \"$(password_in "$2")\", permissions: $3 }"
}
may() { # what a user may publish, and what it may subscribe to
    echo "{ publish: [$1], subscribe: [$2] }"
}
# A role reads the registry, and registers itself under its own names alone; the gateway creates it
# (docs/discovery.md): a stream may copy to any subject, and from any other stream.
nats_registry() { # role, names that it registers
    local name publish
    publish="'\$JS.API.STREAM.INFO.KV_registry_instances', '\$JS.API.CONSUMER.CREATE.KV_registry_instances'"
    if [[ "$1" == gateway ]]; then
        publish+=", '\$JS.API.STREAM.CREATE.KV_registry_instances', '\$JS.API.STREAM.UPDATE.KV_registry_instances'"
    fi
    for name in "${@:2}"; do publish+=", '\$KV.registry_instances.$name.*'"; done
    nats_user "registry-$1" "${1//-/_}_registry_url" "$(may "$publish" "'_INBOX.registry.>'")"
}
{
    echo "include ../../etc/nats/permissions.conf"
    echo "authorization { users: ["
    for service in inventory payment shipping notification ordering basket catalog discount recommendation sales feed; do
        nats_user "$service" "${service}_events_url" "\$$service" # of deploy/nats/permissions.conf
    done
    nats_user operator operator_events_url "$(may "'>'" "'>'")" # for front events
    nats_registry gateway
    nats_registry discount discount discount-grpc
    nats_registry catalog catalog catalog-grpc
    for role in bff-web bff-mobile bff-operator bff-agent identity inventory basket reviews payment acquirer \
        ordering shipping notification recommendation sales feed pickup; do
        nats_registry "$role" "$role"
    done
    echo "]}"
} | derived nats_users

of_valkey() { # user, container, the files of its URL and its users
    local digest
    secret "$3" url valkey "$1" "$2:6379/0"
    digest="$(printf %s "$(password_in "$3")" | openssl dgst -sha256 -r | cut -d ' ' -f 1)"
    derived "$4" <<ACL
user $1 on #$digest ~* &* +@all -@admin -@dangerous
user default on nopass -@all +ping
ACL
}
of_valkey basket valkey basket_valkey_url valkey_acl
of_valkey gateway session-valkey session_valkey_url session_valkey_acl

# Containers get these files as they are, and their users are not the owner; the folder keeps others out.
find . -maxdepth 1 -type f -exec chmod 444 {} +
echo "The secrets are in $folder, for a shop at $origin."
