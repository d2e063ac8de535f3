// A real authorization server for tests: the npm package oidc-provider, with what tests arrange and count.
//
// node oidc_provider.js PACKAGE_DIRECTORY, with {port, clients} as JSON on stdin. Prints "listening". Beside the
// provider's own addresses: GET /-/asked (requests per path), POST /-/settings {life, leeway, away}.

import path from "node:path";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(path.join(process.argv[2], "lib/index.js")));

let input = "";
for await (const chunk of process.stdin) input += chunk;
const { port, clients } = JSON.parse(input);

const settings = { life: 3600, leeway: 0, away: 0 };
const asked = {};
const kept = new Map(); // "Model:id" -> { payload, ends, consumedAt }
const now = () => Date.now() / 1000;

// Everything in memory. A refresh token that was used counts as used only after `leeway` seconds.
class Memory {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  shown(entry) {
    if (!entry || entry.ends < now()) return undefined;
    const used = entry.usedAt !== undefined && now() - entry.usedAt >= settings.leeway;
    return used ? { ...entry.payload, consumed: Math.floor(entry.usedAt) } : entry.payload;
  }
  where(name, value) {
    const of = ([key, entry]) => key.startsWith(`${this.model}:`) && entry.payload[name] === value;
    return this.shown([...kept].find(of)?.[1]);
  }
  async upsert(id, payload, seconds) {
    kept.set(this.key(id), { payload, ends: seconds ? now() + seconds : Infinity });
  }
  async find(id) {
    return this.shown(kept.get(this.key(id)));
  }
  async findByUid(uid) {
    return this.where("uid", uid);
  }
  async findByUserCode(code) {
    return this.where("userCode", code);
  }
  async consume(id) {
    const entry = kept.get(this.key(id));
    if (entry && entry.usedAt === undefined) entry.usedAt = now();
  }
  async destroy(id) {
    kept.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, entry] of kept) if (entry.payload.grantId === grantId) kept.delete(key);
  }
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  clients,
  cookies: { keys: ["only-for-tests"] },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed("refresh_token"),
  pkce: { methods: ["S256"], required: () => true },
  rotateRefreshToken: true,
  scopes: ["openid", "offline_access", "read", "write"],
  ttl: { AccessToken: () => settings.life, ClientCredentials: () => settings.life, DeviceCode: () => 600 },
});

provider.use(async (ctx, next) => {
  if (ctx.path === "/-/asked") {
    ctx.body = asked;
  } else if (ctx.path === "/-/settings") {
    let text = "";
    for await (const chunk of ctx.req) text += chunk;
    Object.assign(settings, JSON.parse(text));
    ctx.body = settings;
  } else {
    asked[ctx.path] = (asked[ctx.path] ?? 0) + 1;
    if (settings.away) ctx.status = 503;
    else await next();
  }
});
// eslint-disable-next-line no-console
provider.listen(port, "127.0.0.1", () => console.log("listening"));
