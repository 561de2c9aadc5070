import type {
  AuditEntry,
  CertificateRow,
  ClaimView,
  CredentialRow,
  Invoice,
  Live,
  NodeView,
  ObtainedRow,
  SnapshotRow,
  TokenRow,
} from "../../src/model/api/mod.ts";
import type { ForcedState } from "../../src/model/origin.ts";
import { type Site, site } from "../../src/model/site.ts";
import { type ZoneRecord, zoneRecord } from "../../src/model/zone.ts";

export type OriginLive = Live["origins"][number];

/** What the double of the API remembers. Tests change it as a network would change. */
export interface World {
  nowMs: number;
  snapshot: number;
  readonly sites: Map<string, Site[]>;
  readonly signingKeys: string[];
  /** As caches wrote them, JSON. */
  readonly logLines: string[];
  /** Node -> what was overruled of it. */
  readonly forced: Map<string, { readonly state: ForcedState; readonly until?: string }>;
  readonly certificates: CertificateRow[];
  readonly obtained: ObtainedRow[];
  readonly networkCertificates: CertificateRow[];
  readonly credentials: CredentialRow[];
  readonly claims: ClaimView[];
  readonly zones: { customer: string; name: string; records: ZoneRecord[] }[];
  readonly snapshots: SnapshotRow[];
  readonly audit: AuditEntry[];
  readonly invoices: Invoice[];
  readonly tokens: TokenRow[];
  readonly purges: {
    number: number;
    atMs: number;
    customer: string;
    site: string;
    path: string;
    scope?: string;
    soft?: boolean;
  }[];
  /** Set to answer every call with this status, as a broken control would. */
  failWith: number | null;
  wrongPasswords: number;
}

const RECORDS = [
  ["@", "MX", "10 mail.shop.example"],
  ["@", "MX", "20 mail2.shop.example"],
  ["@", "TXT", "v=spf1 mx -all"],
  ["mail", "A", "203.0.113.25"],
] as const;

function recordOf([name, type, value]: (typeof RECORDS)[number]): ZoneRecord {
  return zoneRecord.parse({ name, type, value });
}

const START_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const AT = new Date(START_MS).toISOString();

/** Two customers, one of them with three web servers of which one is slow and one draining. */
export function makeWorld(): World {
  const world: World = {
    nowMs: START_MS,
    snapshot: 41,
    sites: new Map(),
    signingKeys: [],
    logLines: [],
    forced: new Map(),
    certificates: [
      certificateOf("www.shop.example", { state: "valid", daysLeft: 71, warnings: [] }),
      certificateOf("static.shop.example", {
        ...{ state: "expiring", daysLeft: 9 },
        warnings: ["It ends in 9 days: add the one that follows it"],
      }),
      certificateOf("media.shop.example", {
        ...{ state: "expired", daysLeft: -3, answers: [] },
        warnings: ["It ended at 2026-11-19 12:00 UTC: browsers refuse it"],
      }),
    ],
    obtained: [
      obtainedOf("www.shop.example.cdn.example", { state: "obtained" }),
      obtainedOf("img.shop.example", {
        ...{ kind: "alias", challenge: "http-01", state: "failed", failures: 2, notAfter: null },
        problem: "The name does not lead to the caches: img.shop.example has 203.0.113.9",
      }),
    ],
    networkCertificates: [],
    credentials: [
      { name: "autumn", kind: "value", about: "", madeAt: AT, sites: ["www.shop.example"] },
      {
        ...{ name: "edge", kind: "certificate", madeAt: AT, sites: [] },
        about: "CN=edge.shop.example, until 2027-02-01",
      },
      { name: "bucket", kind: "access-key", about: "AKIAEXAMPLE", madeAt: AT, sites: [] },
    ],
    claims: [],
    zones: [{ customer: "acme", name: "shop.example", records: RECORDS.map(recordOf) }],
    snapshots: [],
    audit: [],
    invoices: [invoiceOf("paid", "2026-10"), invoiceOf("open", "2026-11")],
    tokens: [],
    purges: [],
    failWith: null,
    wrongPasswords: 0,
  };
  world.sites.set("acme", [
    site.parse({
      hostname: "www.shop.example",
      onboarding: "delegation",
      logs: { to: "https://logs.shop.example/before" },
      origins: [
        { name: "web-1", v4: "203.0.113.10", v6: "2001:db8:1::10" },
        { name: "web-2", v4: "203.0.113.20", weight: 2 },
        { name: "web-3", v4: "203.0.113.30", state: "drain" },
      ],
    }),
    site.parse({
      hostname: "media.shop.example",
      origins: [{ name: "a", v4: "203.0.113.40" }],
      cache: { aliases: ["static.shop.example"] },
    }),
  ]);
  world.sites.set("globex", []);
  for (let number = 1; number <= 41; number++) publish(world, "apply by ops@cdn.example", number);
  world.audit.push(...auditOf(world));
  return world;
}

export function publish(world: World, note: string, number = world.snapshot + 1): number {
  world.snapshot = number;
  const missing = number === 41 ? ["lon-1"] : [];
  world.snapshots.unshift({
    number,
    hash: String(number).padStart(2, "0").repeat(32),
    intentVersion: number,
    createdAt: new Date(world.nowMs - (41 - number) * 3_600_000).toISOString(),
    note,
    acks: ["fra-1", "nyc-1", ...(missing.length === 0 ? ["lon-1"] : [])].map((node) => ({
      node,
      atMs: world.nowMs,
    })),
    missing,
    kept: number > 3,
  });
  return number;
}

export function obtainedOf(host: string, more: Partial<ObtainedRow>): ObtainedRow {
  return {
    ...{ host, customer: "acme", kind: "second", challenge: "dns-01", state: "waiting" },
    ...{ step: "", problem: null, failures: 0, triedAt: new Date(START_MS).toISOString() },
    nextAt: new Date(START_MS + 50 * 86_400_000).toISOString(),
    notAfter: new Date(START_MS + 80 * 86_400_000).toISOString(),
    ...more,
  };
}

export function certificateOf(name: string, more: Partial<CertificateRow>): CertificateRow {
  return {
    ...{
      name,
      kind: "uploaded",
      state: "valid",
      names: [name],
      answers: [name],
      issuer: "E7, Let's Encrypt",
    },
    ...{ keyKind: "EC P-256", serial: "05a1b2", fingerprint: "ab".repeat(32), daysLeft: 90 },
    ...{ notBefore: new Date(START_MS - 86_400_000).toISOString(), warnings: [] },
    notAfter: new Date(START_MS + (more.daysLeft ?? 90) * 86_400_000).toISOString(),
    addedAt: new Date(START_MS).toISOString(),
    ...more,
  };
}

function auditOf(world: World): AuditEntry[] {
  return Array.from({ length: 60 }, (_, i) => ({
    seq: 60 - i,
    at: new Date(world.nowMs - i * 600_000).toISOString(),
    actor: i % 3 === 0 ? "ops@cdn.example" : "owner@shop.example",
    customer: i % 3 === 0 ? null : "acme",
    action: i % 3 === 0 ? "network.apply" : "origin.patch",
    subject: i % 3 === 0 ? "network" : "www.shop.example/web-2",
    changes:
      i % 3 === 0
        ? ["add nodes.nyc-1", "change ttlSec 30 -> 20", "add pops.nyc"]
        : ["change weight 1 -> 2"],
    hash: "ab".repeat(32),
  }));
}

export function invoiceOf(state: "open" | "paid", period: string): Invoice {
  return {
    id: `inv-${period}`,
    number: `${period}-0001`,
    customer: "acme",
    period,
    part: 1,
    plan: "growth",
    currency: "EUR",
    lines: [
      {
        kind: "subscription",
        month: period,
        text: "Subscription, growth",
        quantity: "1",
        unit: "month",
        unitPrice: "49.00",
        amount: "49.00",
      },
      {
        kind: "usage",
        month: period,
        text: "Traffic from caches",
        quantity: "1204.55",
        unit: "GB",
        unitPrice: "0.045",
        amount: "54.204750",
        from: "1,304.55 GB metered, 100 GB included",
      },
      {
        kind: "usage",
        month: period,
        text: "Lookups",
        quantity: "3.2",
        unit: "million",
        unitPrice: "0.40",
        amount: "1.28",
      },
    ],
    total: "104.484750",
    state,
    issuedAt: "2026-11-01T00:10:00Z",
    paidAt: state === "paid" ? "2026-11-09T08:00:00Z" : null,
    covers: {
      afterBatch: 0,
      upToBatch: 4711,
      upToAt: "2026-11-22T11:59:59Z",
      chain: "cd".repeat(32),
    },
    hash: "ef".repeat(32),
  };
}

const VANTAGES = ["fra-1", "lon-1", "nyc-1"];
const MOMENTS = 150;
const STEP_MS = 2000;

function wave(i: number, phase: number): number {
  return 0.5 + 0.5 * Math.sin((i + phase * 17) / 14);
}

/** Live figures that move smoothly with the world's clock. */
const LOGS = [
  { node: "fra-1", deliveredLines: 1_284_113, lostLines: 0, waitingBytes: 40_960, fault: null },
  {
    ...{ node: "nyc-1", deliveredLines: 88_204, lostLines: 120, waitingBytes: 66_060_288 },
    fault: "the receiver answered 503",
  },
];

export function liveOf(world: World, one: Site): Live {
  const tick = Math.floor(world.nowMs / STEP_MS);
  const origins = one.origins.map((origin, k) => originOf(world, one, { origin, k, tick }));
  const all = origins.reduce((sum, origin) => sum + origin.lookupsPerSec, 0);
  return {
    atMs: world.nowMs,
    snapshot: world.snapshot,
    health: tick,
    assignment: tick,
    held: null,
    lookupsPerSec: all,
    origins: origins.map((o) => ({ ...o, share: all === 0 ? 0 : o.lookupsPerSec / all })),
    ...(one.fetch?.hedge !== undefined && { hedges: { asked: 12, won: 9 } }),
    edge: { requestsPerSec: 412.5, hitRatio: 0.934, bytesPerSec: 18_400_000 },
    history: Array.from({ length: MOMENTS }, (_, i) => {
      const requestsPerSec = 300 + 220 * wave(tick + i, 1);
      return {
        atMs: world.nowMs - (MOMENTS - 1 - i) * STEP_MS,
        lookupsPerSec: 20 + 12 * wave(tick + i, 2),
        requestsPerSec,
        hitsPerSec: requestsPerSec * (0.88 + 0.1 * wave(tick + i, 3)),
        bytesPerSec: requestsPerSec * 44_000,
      };
    }),
    ...(one.logs === undefined ? {} : { logs: LOGS }),
  };
}

function originOf(
  world: World,
  one: Site,
  o: { origin: Site["origins"][number]; k: number; tick: number },
): OriginLive {
  const { origin, k, tick } = o;
  const down = origin.state === "down";
  const draining = origin.state === "drain" || origin.weight === 0;
  const fresh = origin.name.startsWith("new");
  const load = 0.25 + 0.3 * k + 0.1 * wave(tick, k);
  const lookups = down || draining ? 0 : 8 + origin.weight * 4 * wave(tick, k);
  return {
    id: `${one.hostname}/${origin.name}`,
    name: origin.name,
    v4: origin.v4 ?? null,
    v6: origin.v6 ?? null,
    port: origin.port ?? 80,
    weight: origin.weight,
    capacity: origin.capacity,
    forced: origin.state,
    ...(origin.until !== undefined && { forcedUntilMs: Date.parse(origin.until) }),
    state: fresh ? "unknown" : down ? "down" : draining ? "draining" : "up",
    sinceMs: world.nowMs - 95_000 * (k + 1),
    load: fresh ? null : load,
    loadFrom: fresh ? null : k === 0 ? "cpu" : "http",
    loadKnown: !fresh,
    sources: fresh
      ? []
      : [
          { kind: "cpu", load: load - 0.02, atMs: world.nowMs, detail: "31 % busy" },
          {
            kind: "http",
            load,
            atMs: world.nowMs,
            detail: "ewma 84 ms, idle 12 ms, limit 500 ms",
          },
        ],
    views: fresh
      ? []
      : VANTAGES.map((vantage, i) => ({
          vantage,
          up: !down,
          atMs: world.nowMs,
          responseMs: down ? null : 12 + i * 31,
          failure: down ? "refused" : "",
        })),
    lookupsPerSec: fresh ? 0 : lookups,
    share: 0,
    wanted: draining ? 0 : origin.weight / 3,
    correction: k === 1 ? 1.08 : 1,
    fetchShare: draining ? 0 : 0.5,
    fetchesPerSec: down ? 0 : 1.5 * wave(tick, k + 4),
    history: Array.from({ length: MOMENTS }, (_, i) => ({
      atMs: world.nowMs - (MOMENTS - 1 - i) * STEP_MS,
      load: 0.25 + 0.3 * k + 0.1 * wave(tick - MOMENTS + i, k),
      lookupsPerSec: draining ? 0 : 8 + origin.weight * 4 * wave(tick - MOMENTS + i, k),
      fetchesPerSec: 1.5 * wave(tick - MOMENTS + i, k + 4),
    })),
  };
}

function forcedOf(world: World, node: string): Pick<NodeView, "forced" | "forcedUntilMs"> {
  const { state = "auto", until } = world.forced.get(node) ?? {};
  return { forced: state, ...(until === undefined ? {} : { forcedUntilMs: Date.parse(until) }) };
}

export function nodesOf(world: World): NodeView[] {
  return VANTAGES.map((name, k) => ({
    id: `node/${name}`,
    name,
    pop: name.slice(0, 3),
    roles: k === 2 ? ["dns", "edge"] : ["dns", "edge", "probe"],
    v4: `198.51.100.${k + 1}`,
    v6: `2001:db8:ffff::${k + 1}`,
    ...forcedOf(world, name),
    state: k === 1 ? "down" : "up",
    sinceMs: world.nowMs - 86_400_000 * (k + 1),
    load: [0.41, 0.08, 1.07][k] ?? 0,
    loadFrom: "cpu",
    loadKnown: true,
    sources: [{ kind: "cpu", load: 0.41, atMs: world.nowMs, detail: "41 % busy" }],
    views: [
      {
        vantage: "fra-1",
        up: k !== 1,
        atMs: world.nowMs,
        responseMs: k === 1 ? null : 3.4,
        failure: k === 1 ? "timeout" : "",
      },
    ],
    snapshot: k === 1 ? world.snapshot - 1 : world.snapshot,
    lookupsPerSec: 1200.4,
    requestsPerSec: 8123.7,
    hitRatio: 0.961,
    bytesPerSec: 312_000_000,
    answersPerSec: 44.1,
    ...(k === 0 ? {} : { parent: VANTAGES[0]!.slice(0, 3) }),
    ...(k === 2 ? { tier: "inside" as const } : {}),
    tierRequestsPerSec: k === 0 ? 412.2 : 0,
    tierBytesPerSec: k === 0 ? 18_000_000 : 0,
  }));
}
