#!/usr/bin/env bash
# Sign events and send them, with openssl and curl: sender.sh URL FILE, or sourced by another script.
# No secret is an argument of a program, which `ps` would show to everybody: the environment is this user's alone.
read -r -a seconds <<<"${IOT_SECONDS:-0 2 4 30 15}" # before each try, at most for Retry-After, for an answer
token=${IOT_TOKEN:-} token=${token%$'\n'}

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
  [[ -n ${IOT_SYSTEM_SIGNATURE_SECRET:-} && $token != *[[:space:]]* ]] ||
    { echo 'IOT_SYSTEM_SIGNATURE_SECRET is not set, or IOT_TOKEN is no value of a header' >&2; return 2; }
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
    post "$login" <(printf '{"email":%s,"password":%s}' "$(quoted "${IOT_EMAIL:-}")" "$(quoted "${IOT_PASSWORD:-}")") \
      access_token </dev/null
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
  local answer
  answer=$(set -o pipefail && curl --disable --silent --max-time "${seconds[4]}" --max-filesize 65536 --include --header @- \
    --header 'Content-Type: application/json' --header 'Expect:' --data-binary @"$2" --write-out '\n%{http_code}' -- "$1" |
    tr -d '\0\r') && status=${answer##*$'\n'} || status=0
  later=$(sed -nE 's/^[Rr]etry-[Aa]fter: *0*([0-9]{1,9})$/\1/p' <<<"$answer" | head -n 1)
  word=$(grep -aoE "\"($3)\" *: *\"[A-Za-z0-9_.~+/=-]+\"" <<<"$answer" | head -n 1 | cut -d '"' -f 4)
  printf '%s %s\n' "$status" "$([[ $3 == access_token ]] && echo log-in || echo "$word")"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -u
  body=$(mktemp) && trap 'rm -f -- "$body"' EXIT # standard input can be read once
  cat -- "$2" >"$body" && deliver "$1" "$body"
fi
