#!/usr/bin/env bash
# Sign events and send them, with openssl and curl: sender.sh URL FILE, or sourced by another script.
# No secret is an argument of a program, where `ps` would show it to everybody on the machine. It is still in
# the environment, which this user and root can read in /proc.
set -u
read -r -a seconds <<<"${IOT_SECONDS:-0 2 4 30 15}" # before each try, at most for Retry-After, for an answer
token=${IOT_TOKEN:-}

hex() { od -An -v -tx1 | tr -d ' \n'; }
sha256() { openssl dgst -sha256 -binary; }

# Print a block of 64 bytes: the key ($1, hexadecimal), each byte of it changed by $2.
padded() {
  local i bytes=
  for ((i = 0; i < 128; i += 2)); do printf -v bytes '%s\\x%02x' "$bytes" $((16#${1:i:2} ^ $2)); done
  printf %b "$bytes"
}

# Print the X-Signature of exactly the bytes of a file ($1), followed by the text of X-Timestamp ($2), under a
# secret ($3). This is HMAC by its definition (RFC 2104): openssl would take the key as an argument only.
sign() {
  local key
  key=$(printf %s "$3" | hex)
  ((${#key} <= 128)) || key=$(printf %s "$3" | sha256 | hex)
  printf -v key '%-128s' "$key"
  key=${key// /0}
  { padded "$key" 0x36 && cat -- "$1" && printf %s "$2"; } | sha256 |
    { padded "$key" 0x5c && cat; } | sha256 | base64
}

# Send an event, a file ($2), to a URL ($1) until it is answered 200, or never will be; succeed if it was.
deliver() {
  local i may_log_in=${token:+${IOT_EMAIL:-}}
  later=0
  for i in 0 1 2; do
    ((later <= seconds[3])) || later=${seconds[3]}
    sleep $((later > seconds[i] ? later : seconds[i]))
    send "$1" "$2"
    if [[ $status == 401 && -n $may_log_in ]]; then # once for an event, or it might never end
      token='' may_log_in=''
      send "$1" "$2"
    fi
    [[ $status =~ ^(0|408|429|5..)$ ]] || break
  done
  [[ $status == 200 && -n $token ]]
}

# Send the bytes of a file ($2) under a new signature, after a log-in if there is no token.
send() {
  local now login
  if [[ -z $token ]]; then
    login=$(grep -oE '^https?://[^/]+' <<<"$1")/api/admin/login
    printf '{"email":%s,"password":%s}' "$(quoted "${IOT_EMAIL:-}")" "$(quoted "${IOT_PASSWORD:-}")" >"$folder/login"
    post "$login" "$folder/login" access_token </dev/null
    token=$word && [[ -n $token ]] || return
  fi
  now=$(date +%s)
  post "$1" "$2" 'state|error' < <(printf '%s: %s\n' Authorization "Bearer $token" X-Timestamp "$now" \
    X-Signature "$(sign "$2" "$now" "$IOT_SYSTEM_SIGNATURE_SECRET")")
}

quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

# Post a file ($2) to a URL ($1), with the headers in standard input; set status (0 for no answer), later
# (Retry-After) and word, the text of a name ($3) in the answer. No redirect is followed.
post() {
  : >"$folder/answer" >"$folder/head" # curl leaves them as they are if nothing comes
  status=$(curl --disable --silent --max-time "${seconds[4]}" --header @- --header 'Content-Type: application/json' \
    --header 'Expect:' --data-binary @"$2" --output "$folder/answer" --dump-header "$folder/head" \
    --write-out '%{http_code}' -- "$1") || status=0
  later=$(sed -nE 's/^[Rr]etry-[Aa]fter: *0*([0-9]{1,9})\r?$/\1/p' "$folder/head")
  word=$(grep -aoE "\"($3)\" *: *\"[A-Za-z0-9_.~+/=-]+\"" "$folder/answer" | head -n 1 | cut -d '"' -f 4)
  printf '%s %s\n' "$status" "$([[ $3 == access_token ]] && echo log-in || echo "$word")"
}

folder=$(mktemp -d) && trap 'rm -rf -- "$folder"' EXIT
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  cat -- "$2" >"$folder/body" && deliver "$1" "$folder/body"
fi
