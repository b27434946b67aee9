# Print what the sender's `sign` makes of each line: secret, body and timestamp in Base64.
# shellcheck disable=SC1090
source "$1"

while read -r secret body timestamp; do
  base64 -d <<<"${body#-}" >"$folder/body"
  key=$(base64 -d <<<"$secret" && echo .) # or the line ends at its end would be dropped
  sign "$folder/body" "$(base64 -d <<<"$timestamp")" "${key%.}"
done
