#!/usr/bin/env bash
# From nothing to an invitation run, with curl alone: signs up, reads the code out of the outbox, verifies, signs in, makes a workspace and an API
# key, and starts a run with it. By itself Herald lets only its administrators make workspaces: here everybody may.
#
#   HERALD__PEOPLE__OPEN_WORKSPACES=true herald up &    # without a mail server its mails lie in herald-data/outbox
#   ./examples/sign-up.sh              # http://127.0.0.1:8080 and herald-data, unless told otherwise
#   ./examples/sign-up.sh http://127.0.0.1:9000 /var/lib/herald
set -euo pipefail

api=${1:-http://127.0.0.1:8080}/api/v1
data=${2:-herald-data}
email=${HERALD_EMAIL:-ann.$RANDOM$RANDOM@example.com}
password='four words make sense'

# Sends JSON and prints the answer; a problem is printed and ends the script.
post() {
  local path=$1 body=$2
  shift 2
  curl --silent --show-error --fail-with-body "$api$path" --header 'Content-Type: application/json' --data "$body" "$@" \
    || { echo >&2; exit 1; }
}

# The first text field of that name in a JSON answer. Enough for tokens and ids, which hold no quotes.
field() { grep -o "\"$1\":\"[^\"]*\"" | sed -n '1s/.*:"\(.*\)"$/\1/p'; }

echo "registering $email"
verification=$(post /auth/register "{\"email\":\"$email\",\"password\":\"$password\"}" | field verification_id)

echo "waiting for the letter in $data/outbox"
code=''
for _ in $(seq 100); do
  # The newest letter to this address; its code stands on a line of its own.
  letter=$(grep -ls "^To: .*$email" "$data"/outbox/*.eml 2>/dev/null | tail -n 1 || true)
  [[ -z $letter ]] || code=$(tr -d '\r' <"$letter" | sed -n 's/^ *\([0-9]\{8\}\) *$/\1/p' | head -n 1)
  [[ -z $code ]] || break
  sleep 0.1
done
[[ -n $code ]] || { echo "no letter came: is herald up running with its data in $data?" >&2; exit 1; }

post /auth/verify "{\"verification_id\":\"$verification\",\"code\":\"$code\"}" >/dev/null
access=$(post /auth/login "{\"email\":\"$email\",\"password\":\"$password\"}" | field access_token)
echo "signed in"

slug=agency-$RANDOM$RANDOM
post /workspaces "{\"slug\":\"$slug\",\"name\":\"An agency\"}" --header "Authorization: Bearer $access" >/dev/null
key=$(post /keys '{"name":"invitations","role":"staff","scopes":["invitation-runs:write","templates:write"]}' \
  --header "Authorization: Bearer $access" | field key)
echo "made the workspace $slug and a key for it"

template=$(mktemp -d)
trap 'rm -rf "$template"' EXIT
cat >"$template/template.toml" <<'TOML'
name = "plain"
background = "back.png"

[[slot]]
name = "guest"
kind = "text"
value = "{{ name }}"
box = [4, 4, 56, 24]
size = 12
TOML
# A white picture of 64 by 32 pixels.
base64 --decode >"$template/back.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAEAAAAAgCAAAAACH9iFYAAAAH0lEQVR42mP4TyFgGDVg1IBRA0YNGDVg1IBRA4abAQBtz/hqtjT8QgAAAABJRU5ErkJggg==
PNG
printf 'name,email\nAna Example,ana@example.com\nBen Example,ben@example.com\n' >"$template/guests.csv"

send() { curl --silent --show-error --fail-with-body --header "Authorization: Bearer $key" "$@" || { echo >&2; exit 1; }; }

send "$api/templates" --form "files=@$template/template.toml" --form "files=@$template/back.png" >/dev/null
run=$(send "$api/invitation-runs" --form event=Gala --form template=plain --form "guests=@$template/guests.csv" | field id)
echo "started the run $run"

for _ in $(seq 300); do
  state=$(send "$api/invitation-runs/$run" | field state)
  [[ $state == importing || $state == running ]] || break
  sleep 0.1
done
echo "it is $state"
[[ $state == complete ]]
