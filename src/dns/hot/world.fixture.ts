import { hash32 } from "../../base/rng.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../model/health.ts";
import { network } from "../../model/network.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { compile } from "../../policy/snapshot/mod.ts";

/** A network of two pops, three ways of onboarding, a hosted zone with odd corners. */
export const WORLD = {
  zone: "cdn.example",
  contact: "host.master@cdn.example",
  allowPrivateOrigins: true,
  clientGroups: [
    { name: "north", prefixes: ["198.51.100.0/24", "2001:db8:1::/48"], rttMs: { oslo: 5 } },
    { name: "south", prefixes: ["203.0.113.0/24"], rttMs: { rome: 5 } },
    { name: "loop", prefixes: ["127.0.0.0/8"], rttMs: { oslo: 9, rome: 90 } },
  ],
  pops: [{ name: "oslo" }, { name: "rome" }],
  nodes: [
    { name: "a", pop: "oslo", roles: ["dns", "edge"], addresses: { v4: "127.1.0.1" } },
    { name: "b", pop: "rome", roles: ["dns", "edge"], addresses: { v4: "127.2.0.1", v6: "::1" } },
  ],
  plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "10.00" }],
  customers: [
    {
      name: "shop",
      plan: "flat",
      zones: [
        {
          name: "hosted.example",
          records: [
            { name: "@", type: "TXT", value: "v=spf1 -all" },
            { name: "@", type: "TXT", value: "x".repeat(300) },
            { name: "mail", type: "A", value: "192.0.2.25" },
            { name: "mail", type: "A", value: "192.0.2.26" },
            { name: "alias", type: "CNAME", value: "mail.hosted.example" },
            { name: "far", type: "CNAME", value: "elsewhere.test" },
            { name: "first", type: "CNAME", value: "www.hosted.example" },
            { name: "gone", type: "CNAME", value: "nothing.hosted.example" },
            { name: "loop1", type: "CNAME", value: "loop2.hosted.example" },
            { name: "loop2", type: "CNAME", value: "loop1.hosted.example" },
            { name: "a.b.deep", type: "A", value: "192.0.2.30" },
            { name: "sub", type: "NS", value: "ns.sub.hosted.example" },
            { name: "ns.sub", type: "A", value: "192.0.2.53" },
            { name: "big", type: "TXT", value: "y".repeat(2000) },
          ],
        },
      ],
      sites: [
        {
          hostname: "www.shop.example",
          onboarding: "delegation",
          steering: { margin: 0 },
          origins: [
            { name: "one", v4: "192.0.2.1" },
            { name: "two", v4: "192.0.2.2", v6: "2001:db8::2" },
          ],
        },
        {
          hostname: "img.shop.example",
          onboarding: "cname",
          origins: [{ name: "one", v4: "192.0.2.11" }],
        },
        {
          hostname: "www.hosted.example",
          onboarding: "hosted",
          origins: [{ name: "one", v4: "192.0.2.21" }],
        },
      ],
    },
    {
      name: "blog",
      plan: "flat",
      sites: [{ hostname: "www.blog.example", front: "caches", onboarding: "delegation" }],
    },
  ],
};

/** The CNAME target of a site of the fixture. */
export function targetOf(hostname: string): string {
  return hash32(hostname).toString(16).padStart(32, "0");
}

export function compileWorld(world: unknown = WORLD, number = 7): Snapshot {
  const parsed = network.parse(world);
  const hostnames = parsed.customers.flatMap((c) => c.sites.map((s) => s.hostname));
  const targets = Object.fromEntries(hostnames.map((h) => [h, targetOf(h)]));
  const result = compile({
    intent: { network: parsed, version: 1, targets },
    number,
    createdAtMs: 0,
    sha256: () => "0".repeat(64),
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

/** Health where every target is up at the load given by id; others at 0.5. */
export function healthOf(
  snapshot: Snapshot,
  loads: Readonly<Record<string, number>> = {},
  down: readonly string[] = [],
): Health {
  const ids = [...snapshot.origins, ...snapshot.nodes].map((target) => target.id);
  const target = (id: string): TargetHealth => ({
    id,
    state: down.includes(id) ? "down" : "up",
    sinceMs: 0,
    young: false,
    v4Up: true,
    v6Up: true,
    load: loads[id] ?? 0.5,
    loadKnown: true,
    loadFrom: "cpu",
    sources: [],
    views: [],
  });
  const targets = Object.fromEntries(ids.map((id) => [id, target(id)]));
  return { ...NO_HEALTH, number: 1, snapshot: snapshot.number, targets };
}
