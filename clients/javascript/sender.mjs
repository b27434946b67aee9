// Sign events and send them: `node sender.mjs URL FILE` (Node 20), or imported by a page in a browser.
// No package is needed. In a page, whoever can read the page can read the secret: for insiders only.
const env = globalThis.process?.env ?? {};

// Before each try, at most for Retry-After, and for an answer.
const seconds = (env.IOT_SECONDS ?? "0 2 4 30 15").split(" ").map(Number);
const [pauses, longestPause, timeout] = [seconds.slice(0, 3), ...seconds.slice(3)];

const utf8 = (text) => new TextEncoder().encode(text);

/** Return the X-Signature of exactly these bytes, followed by the text of X-Timestamp. */
export async function sign(body, timestamp, secret) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8(secret), algorithm, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, new Uint8Array([...body, ...utf8(timestamp)]));
  return btoa(String.fromCharCode(...new Uint8Array(mac)));
}

export class Sender {
  /** `account` is an email and a password: for a token, and for the next one. */
  constructor(url, secret, token, account) { Object.assign(this, { url, secret, token, account }); }

  /** Send an event (a Uint8Array) until it is answered 200, or never will be; return whether it was. */
  async deliver(body) {
    let [mayLogIn, answer] = [this.token && this.account, { later: 0 }];
    for (const pause of pauses) {
      const wait = Math.max(pause, Math.min(answer.later, longestPause));
      await new Promise((wake) => setTimeout(wake, wait * 1000));
      answer = await this.send(body);
      if (answer.status === 401 && mayLogIn) { // once for an event, or it might never end
        this.token = mayLogIn = null;
        answer = await this.send(body);
      }
      if (![0, 408, 429].includes(answer.status) && answer.status < 500) break;
    }
    return answer.status === 200;
  }

  /** Send the bytes under a new signature, after a log-in if there is no token. */
  async send(body) {
    if (!this.token) {
      const account = utf8(JSON.stringify(this.account ?? {}));
      const answer = await post(new URL("/api/admin/login", this.url), account, {}, "access_token");
      this.token = answer.word;
      if (!this.token) return { ...answer, status: answer.status === 200 ? 401 : answer.status };
    }
    const now = String(Math.floor(Date.now() / 1000));
    const signed = { "X-Timestamp": now, "X-Signature": await sign(body, now, this.secret) };
    return post(this.url, body, { Authorization: `Bearer ${this.token}`, ...signed }, "state|error");
  }
}

/** Return an answer's status (0 for none), Retry-After, and the text of that name in it. */
async function post(url, body, signed, name) {
  const headers = { "Content-Type": "application/json", ...signed };
  const signal = AbortSignal.timeout(timeout * 1000);
  let [status, later, text] = [0, 0, ""];
  try { // a redirect is an answer like any other; a browser hides which one it was
    const answer = await fetch(url, { method: "POST", body, headers, signal, redirect: "manual" });
    text = await answer.text();
    later = Number(answer.headers.get("Retry-After")) || 0;
    status = answer.type === "opaqueredirect" ? 300 : answer.status;
  } catch { /* no connection, or no whole answer in time */ }
  const word = text.match(`"(?:${name})"\\s*:\\s*"([\\w.~+/=-]+)"`)?.[1] ?? "";
  console.log(status, name === "access_token" ? "log-in" : word);
  return { status, later, word };
}

if (/(^|[\\/])sender\.mjs$/.test(globalThis.process?.argv[1])) {
  const account = env.IOT_EMAIL && { email: env.IOT_EMAIL, password: env.IOT_PASSWORD };
  const [secret, token] = [env.IOT_SYSTEM_SIGNATURE_SECRET, env.IOT_TOKEN?.trim()];
  const sender = new Sender(process.argv[2], secret, token, account);
  const event = (await import("node:fs")).readFileSync(process.argv[3]);
  process.exitCode = (await sender.deliver(event)) ? 0 : 1;
}
