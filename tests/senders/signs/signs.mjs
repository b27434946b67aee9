// Print what the sender's `sign` makes of each line: secret, body and timestamp in Base64.
import { readFileSync } from "node:fs";

const { sign } = await import(process.argv[2]);
const bytes = (word) => (word === "-" ? new Uint8Array() : new Uint8Array(Buffer.from(word, "base64")));
// As it is: a decoder of its own would drop a byte order mark.
const text = (word) => Buffer.from(bytes(word)).toString("utf8");

for (const line of readFileSync(0, "ascii").trim().split("\n")) {
  const [secret, body, timestamp] = line.split(" ");
  console.log(await sign(bytes(body), text(timestamp), text(secret)));
}
