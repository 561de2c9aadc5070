import { afterAll, beforeAll, expect, test } from "bun:test";
import { silentLog } from "../../base/log.ts";
import { realClock } from "../../base/real/clock.ts";
import { seededRng } from "../../base/rng.ts";
import { compileWorld, healthOf } from "../../dns/hot/world.fixture.ts";
import { type DnsServer, startDns } from "../../dns/mod.ts";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import { noUsage } from "../../model/usage.ts";
import { RCODE, TYPE } from "../../wire/dns/mod.ts";
import { stubResolver } from "./resolver.ts";

let dns: DnsServer;
beforeAll(async () => {
  const compiled = compileWorld();
  const values = Array.from({ length: 30 }, (_, i) => `${i} ${"x".repeat(100)}`);
  const big = { name: "big.hosted.example", type: "TXT", ttlSec: 60, values };
  const zones = compiled.zones.map((zone) => ({ ...zone, records: [...zone.records, big] }));
  const snapshot = { ...compiled, zones };
  dns = await startDns({
    node: "a",
    listen: { hosts: ["127.0.0.1"], port: 0 },
    feed: {
      snapshot: () => snapshot,
      health: () => healthOf(compiled),
      assignment: () => NO_ASSIGNMENT,
      onSnapshot: () => () => {},
      onHealth: () => () => {},
    },
    meter: { of: noUsage },
    clock: realClock,
    rng: seededRng(1),
    log: silentLog,
  });
});
afterAll(() => dns.stop());

const rng = seededRng(2);

test("stubResolver() asks its servers in turn, and over TCP what was cut", async () => {
  // The first does not listen: its refusal comes at once.
  const servers = ["127.0.0.1:1", `127.0.0.1:${dns.port}`];
  const resolver = stubResolver({ servers, rng });
  const small = await resolver.lookup("c.cdn.example", TYPE.A);
  expect([small.rcode, small.answers.length]).toEqual([RCODE.NOERROR, 1]);
  const big = await resolver.lookup("big.hosted.example", TYPE.TXT);
  expect(big.answers).toHaveLength(31);
  expect((await resolver.lookup("no.cdn.example", TYPE.A)).rcode).toBe(RCODE.NXDOMAIN);
});

test("lookupAt() asks one server itself, and takes what it says", async () => {
  const resolver = stubResolver({ rng, port: dns.port });
  const refused = await resolver.lookupAt("127.0.0.1", "elsewhere.test", TYPE.NS);
  expect(refused.rcode).toBe(RCODE.REFUSED);
  const gone = stubResolver({ rng, port: 1 });
  expect(gone.lookupAt("127.0.0.1", "a.test", TYPE.NS)).rejects.toThrow("did not answer");
});

test("lookup() throws when no server has an answer", async () => {
  const resolver = stubResolver({ servers: [`127.0.0.1:${dns.port}`], rng });
  expect(resolver.lookup("elsewhere.test", TYPE.A)).rejects.toThrow("no resolver answered");
});
