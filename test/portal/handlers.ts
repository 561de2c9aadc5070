import type { RouteName } from "../../src/model/api/mod.ts";
import { origin } from "../../src/model/origin.ts";
import { type Site, site } from "../../src/model/site.ts";
import {
  authoritiesOf,
  changed,
  etagOf,
  type Handler,
  type Input,
  PEOPLE,
  Refusal,
  siteOf,
  sitesOf,
  who,
} from "./asked.ts";
import { billHandlers } from "./bills.ts";
import { credentialHandlers } from "./credentials.ts";
import { purgeHandlers } from "./purges.ts";
import { seenHandlers } from "./seen.ts";
import { certificateOf, liveOf, nodesOf, obtainedOf, publish, type World } from "./world.ts";
import { zoneHandlers } from "./zones.ts";

export const PASSWORD = "correct horse";

function viewOf(customer: string, one: Site) {
  return {
    customer,
    site: one,
    names: {
      cname: `${"0123456789abcdef".repeat(2)}.gtm.cdn.example`,
      nameServers: ["ns-fra-1.cdn.example", "ns-lon-1.cdn.example", "ns-nyc-1.cdn.example"],
      cacheHost: `${one.hostname}.cdn.example`,
      cachePath: `c.cdn.example/${one.hostname}`,
    },
    ports: { http: 80, https: 443 },
    etag: etagOf(one),
    ...authoritiesOf(one),
    up: one.origins.filter((o) => o.state === "auto" || o.state === "up").length,
  };
}

function putOrigin(world: World, input: Input) {
  const one = siteOf(world, input);
  const made = origin.parse({ ...input.body, name: input.params.name });
  if (made.v4?.startsWith("10.") === true) {
    const path = `customers.acme.sites.${one.hostname}.origins.${made.name}.v4`;
    const message = "expected a public address; private ranges are not allowed here";
    throw new Refusal(422, "The input has problems", { problems: [{ path, message }] });
  }
  const at = one.origins.findIndex((o) => o.name === made.name);
  if (at < 0) one.origins.push(made);
  else one.origins[at] = made;
  return changed(world, `add origin ${made.name}`);
}

const THROTTLE_AFTER = 3;

export const handlers: { readonly [N in RouteName]?: Handler } = {
  signIn(world, { body }) {
    const found = Object.entries(PEOPLE).find(([, person]) => person.email === body.email);
    if (found === undefined || body.password !== PASSWORD) {
      world.wrongPasswords++;
      if (world.wrongPasswords > THROTTLE_AFTER) {
        throw new Refusal(429, "Too many requests; wait and try again", { retryAfterSec: 30 });
      }
      throw new Refusal(401, "Sign in first");
    }
    world.wrongPasswords = 0;
    return {
      reply: found[1],
      headers: { "set-cookie": `tp_session=${found[0]}; HttpOnly; SameSite=Strict; Path=/` },
    };
  },
  whoAmI: (_, input) => ({ reply: who(input) }),
  signOut: () => ({ headers: { "set-cookie": "tp_session=; Max-Age=0; Path=/" } }),
  listCustomers(world, input) {
    who(input);
    return {
      reply: [...world.sites].map(([name, sites]) => ({
        name,
        title: name === "acme" ? "Acme Shops" : "Globex",
        plan: "growth",
        sites: sites.length,
        origins: sites.reduce((n, s) => n + s.origins.length, 0),
      })),
    };
  },
  readCustomer(world, input) {
    const sites = sitesOf(world, input);
    const plan = {
      name: "growth",
      title: "Growth",
      currency: "EUR",
      kind: "fixed",
      monthly: "49.00",
    };
    return {
      reply: {
        name: input.params.customer,
        title: "Acme Shops",
        plan,
        members: [],
        sites: sites.map((s) => s.hostname),
        zones: [],
      },
    };
  },
  listSites: (world, input) => ({
    reply: sitesOf(world, input).map((s) => viewOf(input.params.customer ?? "", s)),
  }),
  readSite: (world, input) => ({
    reply: viewOf(input.params.customer ?? "", siteOf(world, input)),
  }),
  putSite(world, input) {
    const sites = sitesOf(world, input);
    const { hostname } = input.params;
    const at = sites.findIndex((one) => one.hostname === hostname);
    const was = sites[at];
    if (input.ifMatch !== null && (was === undefined || input.ifMatch !== etagOf(was))) {
      const message = "changed since you read it by ben@shop.example";
      const problems = [{ path: "ttlSec", message }];
      throw new Refusal(412, "It was changed since you read it", { problems });
    }
    const made = site.parse({ origins: sites[at]?.origins, ...input.body, hostname });
    authoritiesOf(made);
    if (at < 0) sites.push(made);
    else sites[at] = made;
    return changed(world, `put site ${made.hostname}`);
  },
  deleteSite(world, input) {
    const sites = sitesOf(world, input);
    sites.splice(sites.indexOf(siteOf(world, input)), 1);
    return changed(world, "remove site");
  },
  putOrigin,
  patchOrigin(world, input) {
    const one = siteOf(world, input);
    const at = one.origins.findIndex((o) => o.name === input.params.name);
    const before = one.origins[at];
    if (before === undefined) throw new Refusal(404, "There is nothing at this name");
    one.origins[at] = { ...before, ...input.body };
    return changed(world, `change origin ${before.name}`);
  },
  deleteOrigin(world, input) {
    const one = siteOf(world, input);
    const at = one.origins.findIndex((o) => o.name === input.params.name);
    one.origins.splice(at, 1);
    return changed(world, "remove origin");
  },
  readLive: (world, input) => ({ reply: liveOf(world, siteOf(world, input)) }),
  ...seenHandlers,
  ...purgeHandlers,
  explain(world, input) {
    who(input);
    const one = world.sites.get("acme")?.[0];
    if (one === undefined) throw new Refusal(404, "There is nothing at this name");
    return { reply: explained(world, one, input.query) };
  },
  readUsage(world, input) {
    const sites = sitesOf(world, input);
    const now = new Date(world.nowMs).toISOString();
    return {
      reply: sites.map((s) => ({
        customer: input.params.customer,
        site: s.hostname,
        from: input.query.from ?? now,
        to: input.query.to ?? now,
        requests: 1_204_331,
        hits: 1_124_004,
        bytesOut: 53_112_004_123,
        bytesIn: 2_400_123_004,
        queries: 88_120,
      })),
    };
  },
  ...zoneHandlers,
  ...billHandlers,
  listNodes(world, input) {
    who(input);
    return { reply: nodesOf(world) };
  },
  patchNode(world, input) {
    who(input);
    const { name = "" } = input.params;
    if (!nodesOf(world).some((node) => node.name === name)) {
      throw new Refusal(404, "There is nothing at this name");
    }
    world.forced.set(name, input.body);
    return changed(world, `change node ${name}`);
  },
  listSnapshots(world, input) {
    who(input);
    const { before, limit } = input.query;
    const older = world.snapshots.filter((s) => before === undefined || s.number < before);
    return { reply: older.slice(0, limit) };
  },
  rollback(world, input) {
    publish(world, `roll back to ${input.body.number}`);
    return { reply: { snapshot: world.snapshots[0], published: true } };
  },
  readNetwork: (world) => ({
    reply: {
      ...{ version: world.snapshot, publishedVersion: world.snapshot, network: null },
      etag: `"v${world.snapshot}"`,
    },
  }),
  apply(world, { body, ifMatch }) {
    if (!body.yaml.includes("zone:")) {
      const problems = [{ path: "zone", message: "expected a zone, such as cdn.example" }];
      throw new Refusal(422, "The input has problems", { problems });
    }
    const changes = [{ action: "change", path: "pops.nyc.lat", from: "40.7", to: "40.8" }];
    if (ifMatch !== null && ifMatch !== `"v${world.snapshot}"`) {
      const message = "changed since you read it: added";
      const problems = [{ path: "customers.acme.sites.new.shop.example", message }];
      throw new Refusal(412, "It was changed since you read it", { problems });
    }
    if (body.dryRun) {
      return { reply: { changes, version: world.snapshot, snapshot: null, dryRun: true } };
    }
    const number = publish(world, "apply by ops@cdn.example");
    return { reply: { changes, version: number, snapshot: number, dryRun: false } };
  },
  simulate(_, { body }) {
    if (!body.yaml.includes("zone:")) throw new Refusal(422, "The input has problems");
    return {
      reply: {
        demand: "recorded",
        usageHours: 24,
        customers: [
          { customer: "acme", before: billOf("49.00"), after: billOf("61.50") },
          { customer: "globex", before: null, after: billOf("10.00") },
        ],
        names: [{ name: "www.shop.example", lookupsPerSec: 12.5, moved: 0.31 }],
        servers: ["web-1", "web-2"].map((name, k) => ({
          id: `www.shop.example/${name}`,
          before: 5 + k,
          after: 7 - k,
          loadBefore: 0.35,
          loadAfter: k === 0 ? 0.41 : null,
        })),
      },
    };
  },
  listAudit(world, input) {
    who(input);
    const { before, limit } = input.query;
    const older = world.audit.filter((e) => before === undefined || e.seq < before);
    return { reply: older.slice(0, limit) };
  },
  listSigningKeys(world, input) {
    sitesOf(world, input);
    const madeAt = new Date(world.nowMs).toISOString();
    return { reply: world.signingKeys.map((name) => ({ name, madeAt, rules: [] })) };
  },
  putSigningKey(world, input) {
    sitesOf(world, input);
    const { name = "" } = input.params;
    world.signingKeys.push(name);
    return { reply: { name, secret: "c2VjcmV0".repeat(6) } };
  },
  deleteSigningKey(world, input) {
    world.signingKeys.splice(world.signingKeys.indexOf(input.params.name ?? ""), 1);
    return {};
  },
  ...credentialHandlers,
  listCertificates(world, input) {
    sitesOf(world, input);
    return { reply: input.params.customer === "acme" ? world.certificates : [] };
  },
  listObtained(world, input) {
    sitesOf(world, input);
    const own = input.params.customer === "acme";
    return { reply: { directory: "https://ca.example/dir", names: own ? world.obtained : [] } };
  },
  listNetworkObtained(world) {
    const own = { customer: null, kind: "network", state: "obtained" } as const;
    const shared = obtainedOf("c.cdn.example", own);
    return { reply: { directory: "https://ca.example/dir", names: [shared, ...world.obtained] } };
  },
  renewObtained(world, input) {
    const at = world.obtained.findIndex(({ host }) => host === input.params.host);
    const row = world.obtained[at];
    if (row === undefined) throw new Refusal(404, "There is nothing at this name");
    const next = { ...row, state: "ordering", step: "telling the name servers" } as const;
    world.obtained[at] = next;
    return { reply: next };
  },
  revokeObtained(world, input) {
    const at = world.obtained.findIndex(({ host }) => host === input.params.host);
    const row = world.obtained[at];
    if (row === undefined || row.notAfter === null) {
      throw new Refusal(404, "There is nothing at this name");
    }
    const problem = `revoked: ${input.body.reason}`;
    const next = { ...row, state: "waiting", notAfter: null, problem } as const;
    world.obtained[at] = next;
    return { reply: next };
  },
  addCertificate(world, input) {
    sitesOf(world, input);
    const { cert = "", key = "" } = input.body as { cert?: string; key?: string };
    const problems = [
      { path: "cert", message: "expected a certificate that has not ended" },
      { path: "key", message: "expected the private key of this certificate" },
    ];
    if (cert !== key) throw new Refusal(422, "The input has problems", { problems });
    const row = certificateOf("new.shop.example", {});
    world.certificates.push(row);
    return { reply: row };
  },
  deleteCertificate(world, input) {
    const at = world.certificates.findIndex(({ name }) => name === input.params.name);
    world.certificates.splice(at, 1);
    return {};
  },
  listTokens: (world) => ({ reply: world.tokens }),
  createToken(world, input) {
    const row = {
      id: `t${world.tokens.length + 1}`,
      name: input.body.name,
      scope: input.body.scope,
      customer: "acme",
      createdAt: new Date(world.nowMs).toISOString(),
      expiresAt: new Date(world.nowMs + 86_400_000 * 365).toISOString(),
      lastUsedAt: null,
    };
    world.tokens.push(row);
    return { reply: { ...row, token: "tp_4fJ0shownonce" } };
  },
};

function billOf(amount: string) {
  const used = { bytesOut: 53_112_004_123, requests: 1_204_331, queries: 88_120 };
  return { plan: "growth", amount, currency: "EUR", ...used };
}

function explained(world: World, one: Site, query: { name: string; client: string }) {
  const origins = liveOf(world, one).origins;
  // Of two choices, each is drawn for one client.
  const best = origins[query.client.endsWith(".8") ? 1 : 0];
  return {
    name: query.name,
    client: query.client,
    group: "berlin",
    scope: "198.51.100.0/24",
    kind: "origins",
    site: one.hostname,
    snapshot: world.snapshot,
    health: 99,
    assignment: 98,
    answer: { v4: best?.v4 ?? null, v6: best?.v6 ?? null, ttlSec: 20 },
    records: [],
    decision: {
      choices: origins.slice(0, 2).map((o) => ({
        kind: "origin",
        index: 0,
        id: o.id,
        v4: o.v4,
        v6: o.v6,
        port: 80,
        weight: 1,
      })),
      ttlSec: 20,
      allDown: false,
      reasons: origins.map((o, k) => ({
        id: o.id,
        name: o.name,
        v4: o.v4,
        v6: o.v6,
        state: o.state,
        load: o.load ?? 0,
        loadKnown: o.loadKnown,
        loadFrom: o.loadFrom,
        projected: (o.load ?? 0) + 0.03,
        rttMs: null,
        sources: o.sources,
        verdicts: [
          {
            filter: "health",
            kept: o.state === "up",
            reason: o.state === "up" ? "healthy" : "draining",
            detail: "3 of 3 vantages",
          },
          {
            filter: "load",
            kept: k === 0,
            reason: k === 0 ? "lowest-load" : "higher-load",
            detail: k === 0 ? "" : "0.55 against 0.28",
          },
        ],
      })),
    },
  };
}
