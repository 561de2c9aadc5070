import { stringify } from "yaml";
import { type Network, network } from "../../model/network.ts";
import {
  ACCOUNTS,
  CLIENTS,
  NEWS,
  NODES,
  PAPER_HOSTNAME,
  PAPER_ZONE,
  POPS,
  type Ports,
  SHOP,
  SHOP_ALIAS,
  ZONE,
} from "./layout.ts";

const CHECK = { intervalMs: 1000, timeoutMs: 900, fall: 2, rise: 3 };
const STRICT = { preset: "lowest-load" as const, margin: 0 };

/** The demo's network file as written to disk and applied, before defaults are filled in. */
export function networkFile(ports: Ports): Record<string, unknown> {
  return {
    zone: ZONE,
    contact: "hostmaster@cdn.example",
    ttlSec: 5,
    allowPrivateOrigins: true,
    ports: { dns: ports.dns, http: ports.http, https: ports.https },
    clientGroups: CLIENTS.map((c) => ({
      name: c.name,
      title: c.title,
      prefixes: [c.prefix, c.local],
      resolver: `${c.resolver}:${ports.dns}`,
      rttMs: c.rttMs,
    })),
    pops: POPS.map((p) => ({ ...p })),
    nodes: NODES.map((n) => ({
      name: n.name,
      pop: n.pop,
      roles: [...n.roles],
      addresses: { v4: n.v4 },
      measure: {
        exporter: `http://${n.v4}:${ports.exporter}/metrics`,
        ftp: `${n.v4}:${ports.ftp}`,
      },
    })),
    plans: plans(),
    customers: [shop(ports), news(ports)],
  };
}

/** The same, parsed: every default filled in. Throws if the demo's own file were wrong. */
export function demoNetwork(ports: Ports): Network {
  return network.parse(networkFile(ports));
}

export function networkYaml(ports: Ports): string {
  const head =
    "# The demo's network file. Edit it and run the `turnpike apply` line that the demo prints.\n";
  return head + stringify(networkFile(ports));
}

/**
 * One plan of each kind; the demo's customers are on `growth` and `metered`. Prices by use are a
 * thousand times what is usual, so that the demo's little traffic shows on an invoice.
 */
function plans(): readonly Record<string, unknown>[] {
  return [
    { name: "flat", title: "Flat, per month", currency: "EUR", kind: "fixed", monthly: "99.00" },
    {
      name: "metered",
      title: "By use",
      currency: "EUR",
      kind: "variable",
      rates: [
        {
          unit: "gigabytes",
          included: 0,
          tiers: [{ upTo: 10, price: "40.00" }, { price: "20.00" }],
        },
        { unit: "million-requests", included: 0, tiers: [{ price: "600.00" }] },
        { unit: "million-queries", included: 0, tiers: [{ price: "400.00" }] },
      ],
    },
    { name: "event", title: "One event", currency: "USD", kind: "lump-sum", once: "1500.00" },
    {
      name: "growth",
      title: "Subscription with use beyond what is included",
      currency: "EUR",
      kind: "subscription",
      monthly: "49.00",
      rates: [
        { unit: "gigabytes", included: 0.0001, tiers: [{ price: "50.00" }] },
        { unit: "million-requests", included: 0.00001, tiers: [{ price: "500.00" }] },
      ],
    },
  ];
}

function shop(ports: Ports): Record<string, unknown> {
  return {
    name: "shop",
    title: "The Shop",
    plan: "growth",
    members: [{ ...ACCOUNTS.shop, role: "owner" }],
    sites: [
      {
        hostname: SHOP.hostname,
        onboarding: "delegation",
        port: ports.http,
        ttlSec: 5,
        youngTtlSec: 1,
        steering: STRICT,
        limitMs: 500,
        cache: { aliases: [SHOP_ALIAS] },
        check: { ...CHECK, http: { path: "/health" }, ftp: { path: "/health.txt" } },
        origins: SHOP.origins.map((o) => ({
          name: o.name,
          v4: o.v4,
          exporter: `http://${o.v4}:${ports.exporter}/metrics`,
          ftpPort: ports.ftp,
        })),
      },
    ],
  };
}

function news(ports: Ports): Record<string, unknown> {
  const origins = NEWS.origins.map((o) => ({ name: o.name, v4: o.v4 }));
  const check = { ...CHECK, http: { path: "/health" } };
  const rest = { port: ports.http, ttlSec: 5, youngTtlSec: 1, limitMs: 500, check, origins };
  return {
    name: "news",
    title: "The News",
    plan: "metered",
    members: [{ ...ACCOUNTS.news, role: "owner" }],
    sites: [
      { hostname: NEWS.hostname, onboarding: "cname", steering: STRICT, ...rest },
      { hostname: PAPER_HOSTNAME, onboarding: "hosted", front: "caches", ...rest },
    ],
    zones: [
      {
        name: PAPER_ZONE,
        records: [{ name: "@", type: "TXT", value: "held by the demo's name servers" }],
      },
    ],
  };
}
