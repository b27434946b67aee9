// Signs as a JavaScript sender does. Reads vectors as JSON, prints the list of their signatures.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const vectors = JSON.parse(readFileSync(0, "utf8"));
const sign = ({ secret, body, timestamp }) =>
  createHmac("sha256", Buffer.from(secret, "utf8"))
    .update(Buffer.from(body + timestamp, "utf8"))
    .digest("base64");

console.log(JSON.stringify(vectors.map(sign)));
