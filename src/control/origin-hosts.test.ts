import { expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { makeQuery, TYPE } from "../wire/dns/mod.ts";
import { OriginHosts } from "./origin-hosts.ts";

/** Servers by name: customer -> how many. */
function snapshotWith(counts: Readonly<Record<string, number>>): Snapshot {
  const snapshot = snapshotOf();
  const [site] = snapshot.sites;
  const [origin] = snapshot.origins;
  const sites = Object.keys(counts).map((customer, index) => ({ ...site!, index, customer }));
  const origins = sites.flatMap(({ index, customer }) =>
    Array.from({ length: counts[customer]! }, (_, i) => {
      return { ...origin!, site: index, host: `o${i}.${customer}.example` };
    }),
  );
  return { ...snapshot, sites, origins };
}

function hostsOf(snapshot: Snapshot, address: string | null) {
  const asked = new Set<string>();
  const clock = new FakeClock();
  const lookup: NameResolver["lookup"] = async (name, type) => {
    asked.add(name);
    const found = type === TYPE.A && address !== null;
    const data = { kind: "address" as const, address: address ?? "" };
    const answers = found ? [{ name, type, class: 1, ttlSec: 60, data }] : [];
    return { ...makeQuery(1, name, type), answers };
  };
  const resolver = { lookup, lookupAt: () => Promise.reject(new Error("not asked")) };
  const hosts = new OriginHosts({ resolver, clock, log: silentLog, latest: () => snapshot });
  const turn = async () => {
    asked.clear();
    await hosts.turn();
    return [...asked];
  };
  return { hosts, turn };
}

test("a customer with very many servers' names makes no other's wait", async () => {
  const { turn } = hostsOf(snapshotWith({ noisy: 95, shop: 2 }), null);
  const first = await turn();
  expect(first.slice(0, 4)).toEqual([
    ...["o0.noisy.example", "o0.shop.example", "o1.noisy.example", "o1.shop.example"],
  ]);
  expect(first).toHaveLength(12);
  const all = new Set(first);
  for (let i = 0; i < 9; i++) for (const name of await turn()) all.add(name);
  expect(all.size).toBe(97);
});

test("whoever names a server inside is told why it is refused, and not where it is", async () => {
  const [customer] = SMALL.customers;
  const [site] = customer!.sites;
  const sites = [{ ...site!, origins: [{ name: "a", host: "db.corp.example" }] }];
  const customers = [{ ...customer!, sites }];
  const named = network.parse({ ...SMALL, allowPrivateOrigins: false, customers });
  const { hosts } = hostsOf(snapshotOf(), "10.1.2.3");
  await hosts.look(["db.corp.example"], named);
  const [problem] = hosts.problems(named);
  expect(problem?.message).toContain("private use");
  expect(JSON.stringify(hosts.problems(named))).not.toContain("10.1.2.3");
});
