import type { ClaimView, RouteName } from "../../src/model/api/mod.ts";
import { type ZoneRecord, zoneRecord } from "../../src/model/zone.ts";
import { changed, type Handler, type Input, Refusal, sitesOf } from "./asked.ts";
import type { World } from "./world.ts";

const NAME_SERVERS = ["ns-fra-1.cdn.example", "ns-lon-1.cdn.example"];

function zoneOf(world: World, input: Input) {
  sitesOf(world, input);
  const { customer, zone } = input.params;
  const found = world.zones.find((one) => one.customer === customer && one.name === zone);
  if (found === undefined) throw new Refusal(404, "There is nothing at this name");
  return found;
}

function done(world: World, change: string, more: { dryRun?: boolean; ignored?: string[] } = {}) {
  const rest = { dryRun: false, warnings: [], ignored: [], ...more };
  if (more.dryRun === true) {
    return { reply: { changes: [change], version: world.snapshot, snapshot: null, ...rest } };
  }
  return { reply: { ...changed(world, change).reply, ...rest } };
}

function claimOf(world: World, customer: string, name: string): ClaimView {
  const txt = { name: `_turnpike-challenge.${name}`, value: `turnpike-${"ab".repeat(16)}` };
  return {
    customer,
    name,
    kind: "zone",
    state: "pending",
    proofs: [{ name, txt, ns: NAME_SERVERS }],
    createdAt: new Date(world.nowMs).toISOString(),
    checkedAt: null,
    problem: null,
  };
}

/** A line is `name ttl IN type value`: enough for what the pages are tested with. */
function readLines(text: string): ZoneRecord[] {
  return text.split("\n").flatMap((line, i) => {
    const [, name, ttl, type, value] = /^(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    const parsed = zoneRecord.safeParse({ name, type, ttlSec: Number(ttl), value });
    if (parsed.success) return [parsed.data];
    const problems = [{ path: `text:${i + 1}:1`, message: "expected a record" }];
    throw new Refusal(422, "The input has problems", { problems });
  });
}

export const zoneHandlers: { readonly [N in RouteName]?: Handler } = {
  listZones(world, input) {
    sitesOf(world, input);
    const zones = world.zones.filter((one) => one.customer === input.params.customer);
    return {
      reply: zones.map(({ customer, name, records }) => ({
        customer,
        name,
        kind: "hosted",
        records: records.length,
      })),
    };
  },
  readZone(world, input) {
    const zone = zoneOf(world, input);
    const rest = { kind: "hosted", nameServers: NAME_SERVERS, signed: true, warnings: [] };
    return { reply: { ...zone, ...rest } };
  },
  readZoneText(world, input) {
    const { name, records } = zoneOf(world, input);
    const lines = records.map((r) => `${r.name} ${r.ttlSec} IN ${r.type} ${r.value}`);
    return { reply: { name, text: `${lines.join("\n")}\n` } };
  },
  readZoneKeys(_, input) {
    const ds = [`${input.params.zone}. IN DS 4711 13 2 ${"ab".repeat(32)}`];
    const next = { step: "prepare", notBefore: "2026-11-22T12:00:00Z" };
    return { reply: { zone: input.params.zone, ds, keys: [], next } };
  },
  checkZone(world, input) {
    const { name } = zoneOf(world, input);
    const base = { name, type: "NS", expected: NAME_SERVERS };
    const check = { ...base, seen: NAME_SERVERS, state: "right", words: "As expected" };
    return {
      reply: { name, at: new Date(world.nowMs).toISOString(), ready: true, checks: [check] },
    };
  },
  checkSite(world, input) {
    sitesOf(world, input);
    const name = input.params.hostname ?? "";
    const base = { name, type: "CNAME", expected: ["0123.gtm.cdn.example"] };
    const words = `${name} has no CNAME: remove its addresses and set it`;
    const check = { ...base, seen: [], state: "missing", words };
    return {
      reply: { name, at: new Date(world.nowMs).toISOString(), ready: false, checks: [check] },
    };
  },
  listClaims(world, input) {
    sitesOf(world, input);
    return { reply: world.claims.filter((one) => one.customer === input.params.customer) };
  },
  checkClaim(world, input) {
    sitesOf(world, input);
    const found = world.claims.find((one) => one.name === input.params.name);
    if (found === undefined) throw new Refusal(404, "There is nothing at this name");
    const checkedAt = new Date(world.nowMs).toISOString();
    const problem = `no TXT at _turnpike-challenge.${found.name}`;
    return { reply: Object.assign(found, { checkedAt, problem }) };
  },
  deleteClaim(world, input) {
    sitesOf(world, input);
    const at = world.claims.findIndex((one) => one.name === input.params.name);
    world.claims.splice(at, 1);
    return {};
  },
  putZone(world, input) {
    sitesOf(world, input);
    const { customer = "", zone: name = "" } = input.params;
    const { text, records, dryRun } = input.body;
    const next = text === undefined ? records : readLines(text);
    const words = `put zone ${name}: ${next.length} records`;
    if (dryRun) return done(world, words, { dryRun, ignored: ["line 1: SOA is made by us"] });
    if (name.endsWith("shop.example") && customer !== "acme") {
      const pending = claimOf(world, customer, name);
      world.claims.push(pending);
      const none = { changes: [], version: world.snapshot, snapshot: null, dryRun };
      return { reply: { ...none, warnings: [], ignored: [], pending } };
    }
    const at = world.zones.findIndex((one) => one.customer === customer && one.name === name);
    if (at < 0) world.zones.push({ customer, name, records: next });
    else world.zones[at] = { customer, name, records: next };
    return done(world, words);
  },
  deleteZone(world, input) {
    const zone = zoneOf(world, input);
    world.zones.splice(world.zones.indexOf(zone), 1);
    return done(world, "remove zone");
  },
  putRecords(world, input) {
    const zone = zoneOf(world, input);
    const { name, type } = input.params;
    const { ttlSec, values } = input.body as { ttlSec: number; values: string[] };
    const added = values.map((value, i) => {
      const parsed = zoneRecord.safeParse({ name, type, ttlSec, value });
      if (parsed.success) return parsed.data;
      const message = parsed.error.issues[0]?.message;
      const problems = [{ path: `values.${i}`, message }];
      throw new Refusal(422, "The input has problems", { problems });
    });
    zone.records = zone.records.filter((r) => r.name !== name || r.type !== type);
    zone.records.push(...added);
    return done(world, `put ${name} ${type}`);
  },
  deleteRecords(world, input) {
    const zone = zoneOf(world, input);
    const { name, type } = input.params;
    zone.records = zone.records.filter((r) => r.name !== name || r.type !== type);
    return done(world, `remove ${name} ${type}`);
  },
};
