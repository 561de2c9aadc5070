// What the other tests come to by chance or not at all: each a case of its own.
import { describe, expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import {
  decodeMessage,
  type Edns,
  encodeMessage,
  type Message,
  makeQuery,
  Query,
  RCODE,
  readQuery,
  TYPE,
  Writer,
} from "../../wire/dns/mod.ts";
import { parseAddress, parsePrefix } from "../../wire/ip/mod.ts";
import { Responder } from "./answer.ts";
import { CountsDesk } from "./counts.ts";
import { Opt } from "./opt.ts";
import { type AnswerSettings, PLAIN } from "./settings.ts";
import { SteeredTable } from "./steered.ts";
import { responsesOf } from "./tally.ts";
import { compileWorld, healthOf, WORLD } from "./world.fixture.ts";

const OUT = new Uint8Array(65_535);
type Snapshot = ReturnType<typeof compileWorld>;
type World = typeof WORLD;

function loaded(snapshot: Snapshot, settings: Partial<AnswerSettings> = {}, seed = 1): Responder {
  const made = new Responder(seed, { ...PLAIN, ...settings });
  made.load(snapshot);
  made.observe(healthOf(snapshot), NO_ASSIGNMENT);
  return made;
}

function world(change: (world: World) => void): Snapshot {
  const changed = structuredClone(WORLD);
  change(changed);
  return compileWorld(changed);
}

/** The fixture's first site with these settings of steering and of its two origins. */
function steeredBy(steering: object, origins: readonly object[] = [{}, {}]): Snapshot {
  return world(({ customers }) => {
    const site = customers[0]!.sites[0]!;
    Object.assign(site, { steering });
    const own = "origins" in site ? site.origins : [];
    for (const [i, more] of origins.entries()) Object.assign(own[i]!, more);
  });
}

interface Asked {
  readonly type?: number;
  readonly from?: string;
  readonly edns?: Partial<Edns>;
}

function ask(to: Responder, name: string, o: Asked = {}): Message {
  const seed = makeQuery(4711, name, o.type ?? TYPE.A);
  const bytes = encodeMessage({ ...seed, edns: { ...seed.edns!, ...o.edns } })!;
  const address = parseAddress(o.from ?? "192.0.2.200")!;
  const at = { address, addressAt: 0, family: address.length === 4 ? 4 : 6 } as const;
  const length = to.answer({ bytes, length: bytes.length, ...at, stream: true }, OUT);
  expect(to.failures).toBe(0);
  return decodeMessage(OUT.slice(0, length)) as Message;
}

function addresses(message: Message): string[] {
  return message.answers.flatMap(({ data }) => (data.kind === "address" ? [data.address] : []));
}

describe("draws", () => {
  test("fall on servers by their weights where none sticks, with any seed", () => {
    for (const seed of [0, 1]) {
      const to = loaded(
        steeredBy({ preset: "weighted" }, [{ weight: 3 }, { weight: 1 }]),
        {},
        seed,
      );
      const counts: Record<string, number> = {};
      for (let i = 0; i < 400; i++) {
        const [address = ""] = addresses(ask(to, "www.shop.example"));
        counts[address] = (counts[address] ?? 0) + 1;
      }
      expect(Object.keys(counts).sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
      expect(counts["192.0.2.1"]!).toBeGreaterThan(counts["192.0.2.2"]!);
    }
  });

  test("count what was answered, by client group, and nothing of what was not drawn", () => {
    const snapshot = steeredBy({ preset: "weighted" }, [{ weight: 100 }, { weight: 1 }]);
    const to = loaded(snapshot);
    for (let i = 0; i < 3; i++) ask(to, "www.shop.example");
    const desk = new CountsDesk();
    for (const counts of to.drain()) desk.add(counts, snapshot);
    expect(desk.take()).toEqual({
      lookups: { "www.shop.example": { default: 3 } },
      edgeLookups: {},
      answers: { "www.shop.example/one": 3 },
    });
  });

  test("have one outcome where only one server has a weight", () => {
    const to = loaded(steeredBy({ preset: "weighted" }, [{ weight: 0 }, { weight: 5 }]));
    for (let i = 0; i < 50; i++) {
      expect(addresses(ask(to, "www.shop.example"))).toEqual(["192.0.2.2"]);
    }
  });

  test("never lack servers for their weights: of weight 0 where no other is left, all alike", () => {
    for (const preset of ["weighted", "lowest-load", "sticky"] as const) {
      const all = loaded(steeredBy({ preset }, [{ weight: 0 }, { weight: 0 }]));
      const seen = new Set<string>();
      for (let n = 0; n < 200; n++) {
        const answered = addresses(ask(all, "www.shop.example", { from: `203.0.${n}.7` }));
        expect(answered).toHaveLength(1);
        seen.add(answered[0]!);
      }
      expect([preset, seen.size]).toEqual([preset, preset === "lowest-load" ? 1 : 2]);
      const snapshot = steeredBy({ preset }, [{ weight: 0 }, { weight: 5 }]);
      const one = loaded(snapshot);
      one.observe(healthOf(snapshot, {}, [snapshot.origins[1]!.id]), NO_ASSIGNMENT);
      expect(addresses(ask(one, "www.shop.example"))).toEqual(["192.0.2.1"]);
    }
  });

  test("stick to a resolver's IPv6 prefix", () => {
    const to = loaded(steeredBy({ preset: "sticky" }));
    const from = (n: number) =>
      addresses(ask(to, "www.shop.example", { from: `2001:db8:7::${n}` }));
    expect(from(1)).toHaveLength(1);
    for (let n = 2; n < 9; n++) expect(from(n)).toEqual(from(1));
  });

  test("are none where all is down and a fallback stands in, which no server is counted for", () => {
    const snapshot = steeredBy({ fallback: "192.0.2.99" });
    const to = loaded(snapshot);
    const down = snapshot.origins.map((origin) => origin.id);
    to.observe({ ...healthOf(snapshot, {}, down), number: 2 }, NO_ASSIGNMENT);
    expect(addresses(ask(to, "www.shop.example"))).toEqual(["192.0.2.99"]);
    const [counts] = to.drain();
    expect(counts?.answers).toEqual(new Uint32Array(0));
  });
});

describe("SteeredTable", () => {
  test("keeps two decisions of one hash apart", () => {
    const snapshot = compileWorld();
    const view = { snapshot, health: healthOf(snapshot), assignment: NO_ASSIGNMENT };
    const { sites, origins, nodes } = snapshot;
    const of = { sites: sites.length, origins: origins.length, nodes: nodes.length };
    const table = new SteeredTable({ view: () => view }, of);
    // Subject 2 in group 4341 over IPv6, and subject 1 in group 102943 over IPv4.
    const [a, b] = [table.row(2, 4341, 6), table.row(1, 102_943, 4)];
    expect(a === b).toBe(false);
    expect([table.row(2, 4341, 6), table.row(1, 102_943, 4)]).toEqual([a, b]);
    expect(table.copy(b, OUT, 0)).toBe(16);
  });
});

describe("names", () => {
  test("of one hash are told apart by their octets", () => {
    const to = loaded(
      world(({ customers }) => {
        const [zone] = customers[0]!.zones!;
        zone!.records.push({ name: "n06lvk", type: "A", value: "192.0.2.61" });
      }),
    );
    expect(addresses(ask(to, "n06lvk.hosted.example"))).toEqual(["192.0.2.61"]);
    expect(ask(to, "n08dp3.hosted.example").rcode).toBe(RCODE.NXDOMAIN);
  });

  test("take as much room as they need", () => {
    const to = loaded(
      world(({ customers }) => {
        const [zone] = customers[0]!.zones!;
        for (let i = 0; i < 60; i++) {
          zone!.records.push({ name: `t${i}`, type: "TXT", value: `${i}`.repeat(2000) });
        }
      }),
    );
    expect(ask(to, "t59.hosted.example", { type: TYPE.TXT }).answers).toHaveLength(1);
    const many = loaded(
      world(({ customers }) => {
        const [one] = customers[0]!.sites;
        const title = { check: undefined, steering: { margin: 0 } };
        const origins = Array.from({ length: 100 }, (_, i) => ({
          name: `o${i}`,
          v4: `198.51.100.${i}`,
        }));
        for (let i = 0; i < 12; i++) {
          const hostname = `s${i}.shop.example`;
          customers[0]!.sites.push({ ...one!, ...title, hostname, origins } as never);
        }
      }),
    );
    expect(addresses(ask(many, "s11.shop.example"))).toHaveLength(1);
  });

  test("of zones that no server of ours serves have a SOA, and no NS", () => {
    const to = loaded(
      world(({ nodes }) => {
        for (const node of nodes) node.roles = ["edge"];
      }),
    );
    const soa = ask(to, "cdn.example", { type: TYPE.SOA }).answers[0]!.data;
    expect(soa.kind === "soa" ? soa.soa.mname : "").toBe("cdn.example");
    expect(ask(to, "cdn.example", { type: TYPE.NS }).answers).toEqual([]);
  });

  test("take a mailbox, a name or nothing for who answers for them", () => {
    const rname = (contact: string) => {
      const to = loaded({ ...compileWorld(), contact });
      const { data } = ask(to, "cdn.example", { type: TYPE.SOA }).answers[0]!;
      return data.kind === "soa" ? data.soa.rname : "";
    };
    expect(rname("host.master@cdn.example")).toBe("host\\.master.cdn.example");
    expect(rname("")).toBe("hostmaster.cdn.example");
    expect(rname("admin.cdn.example")).toBe("admin.cdn.example");
    expect(rname(`a@${"x".repeat(64)}`)).toBe("hostmaster.cdn.example");
  });

  test("bring no addresses of another customer's zone, and an alias what it leads to", () => {
    const to = loaded(
      world(({ customers }) => {
        const [zone] = customers[0]!.zones!;
        zone!.records.push(
          { name: "@", type: "MX", value: "10 mail.other.example" },
          { name: "old", type: "SVCB", value: "0 new.hosted.example" },
          { name: "new", type: "SVCB", value: "1 . port=53" },
          { name: "new", type: "A", value: "192.0.2.62" },
          { name: "old2", type: "HTTPS", value: "0 new2.hosted.example" },
          { name: "new2", type: "HTTPS", value: "1 ." },
        );
        const records = [{ name: "mail", type: "A", value: "192.0.2.63" }];
        customers[0]!.zones!.push({ name: "other.example", records });
      }),
    );
    expect(ask(to, "hosted.example", { type: TYPE.MX }).additionals).toEqual([]);
    const old = ask(to, "old.hosted.example", { type: TYPE.SVCB });
    expect(old.additionals.map((one) => one.type).sort()).toEqual([TYPE.A, TYPE.SVCB]);
    const old2 = ask(to, "old2.hosted.example", { type: TYPE.HTTPS });
    expect(old2.additionals.map((one) => one.type)).toEqual([TYPE.HTTPS]);
    expect(addresses(ask(to, "first.hosted.example", { type: TYPE.AAAA }))).toEqual([]);
  });
});

describe("lookups that are written down", () => {
  test("are one of so many, by the address that was decided for", () => {
    const to = loaded(compileWorld(), { sampleEach: 2 });
    for (let i = 0; i < 4; i++) ask(to, "c.cdn.example", { from: "2001:db8:1::7" });
    const clientSubnet = { ...parsePrefix("198.51.100.0/24")!, sourceBits: 24, scopeBits: 0 };
    for (let i = 0; i < 2; i++) ask(to, "c.cdn.example", { edns: { clientSubnet } });
    const samples = to.takeSamples();
    expect(samples.map(({ bits, subnet }) => [bits, subnet])).toEqual([
      [56, false],
      [56, false],
      [24, true],
    ]);
    expect(to.takeSamples()).toEqual([]);
    const young = new Responder(1, { ...PLAIN, sampleEach: 1 });
    expect(young.observe(healthOf(compileWorld()), NO_ASSIGNMENT)).toBeNull();
    expect(ask(young, "c.cdn.example").rcode).toBe(RCODE.SERVFAIL);
    const [sample] = young.takeSamples();
    expect([sample?.snapshot, sample?.health, sample?.assignment]).toEqual([0, 0, 0]);
  });
});

describe("what is observed", () => {
  test("is compared with what was there before, down to the same object", () => {
    const snapshot = steeredBy({ preset: "latency" });
    const to = loaded(snapshot);
    const health = { ...healthOf(snapshot), number: 2 };
    const rttMs = { north: { oslo: 3 }, south: { rome: 4 } };
    const edges = { north: "a" };
    const assignment = { ...NO_ASSIGNMENT, number: 2, edges };
    expect(to.observe({ ...health, rttMs }, assignment)?.rttMs).toEqual(rttMs);
    const again = to.observe({ ...health, rttMs }, assignment);
    expect([again?.rttMs, again?.edges]).toEqual([null, null]);
    const same = { north: rttMs.north, south: { rome: 4 } };
    const id = "www.shop.example/one";
    const ended = { ...health.targets[id]!, forcedEnded: true as const };
    const forced = { ...health, targets: { ...health.targets, [id]: ended } };
    expect(to.observe({ ...forced, rttMs }, assignment)?.targets).toHaveLength(1);
    expect(addresses(ask(to, "www.shop.example"))).toHaveLength(1);
    expect(to.observe({ ...health, rttMs }, assignment)?.targets).toHaveLength(1);
    expect(to.observe({ ...health, rttMs: same }, { ...assignment, edges: { ...edges } })).toEqual(
      again,
    );
  });
});

test("health whose targets stand in another order is that of the same targets", () => {
  const snapshot = compileWorld();
  const to = loaded(snapshot);
  const health = healthOf(snapshot);
  expect(to.observe(health, NO_ASSIGNMENT)?.targets).toHaveLength(0);
  const turned = Object.entries(health.targets).reverse();
  const busy = turned.map(([id, target]) => [id, { ...target, load: 0.9 }]);
  const patch = to.observe({ ...health, targets: Object.fromEntries(busy) }, NO_ASSIGNMENT);
  expect(patch?.targets).toHaveLength(turned.length);
});

describe("the OPT record", () => {
  test("is padded up to the longest message, and not where that would be too long", () => {
    const bytes = encodeMessage(makeQuery(1, "a.example", TYPE.A))!;
    const query = new Query();
    readQuery(bytes, bytes.length, query);
    const opt = new Opt(PLAIN);
    opt.begin(query, { bytes, address: new Uint8Array(4), addressAt: 0, family: 4 }, 0);
    opt.padded = true;
    const end = (start: number) => {
      const out = new Writer();
      out.begin(OUT, start, OUT.length);
      opt.write(out, query, 0);
      return [out.at, out.overflow];
    };
    expect(end(100)).toEqual([468, false]);
    expect(end(65_505)).toEqual([65_520, false]);
    expect(end(65_510)).toEqual([65_521, false]);
  });
});

test("an alias leads to caches, and a name of theirs has other records", () => {
  const to = loaded(
    world(({ customers }) => {
      const [zone] = customers[0]!.zones!;
      zone!.records.push({ name: "static", type: "CNAME", value: "c.cdn.example" });
    }),
  );
  expect(addresses(ask(to, "static.hosted.example"))).toEqual(["127.1.0.1"]);
  expect(ask(to, "c.cdn.example", { type: TYPE.TXT }).answers).toEqual([]);
  expect(ask(to, "www.shop.example", { type: TYPE.TXT }).answers).toEqual([]);
});

test("counts of a group that the snapshot does not have are those of all others", () => {
  const snapshot = compileWorld();
  const desk = new CountsDesk();
  const lookups = Uint32Array.of(0, snapshot.groups.length, 4);
  const none = new Uint32Array(0);
  desk.add({ snapshot: 7, lookups, answers: none, others: none }, snapshot);
  expect(desk.take()).toEqual({ lookups: {}, edgeLookups: { default: 4 }, answers: {} });
  // Nobody comes for them: they are named before too many wait.
  for (let i = 0; i < 200; i++) {
    desk.add({ snapshot: 7, lookups, answers: none, others: none }, snapshot);
  }
  expect(desk.take().edgeLookups).toEqual({ default: 800 });
});

test("counters of threads add up", () => {
  const [one, other] = [new Responder(1).tally, new Responder(1).tally];
  for (const tally of [one, other, other]) tally.response(RCODE.NXDOMAIN);
  one.add(other.take());
  expect([...responsesOf(one.cells)]).toEqual([{ rcode: "NXDOMAIN", count: 3 }]);
  expect([...responsesOf(other.cells)]).toEqual([]);
});

test("a code without a name is counted by its number", () => {
  const { tally } = new Responder(1);
  tally.response(7);
  expect([...responsesOf(tally.cells)]).toEqual([{ rcode: "7", count: 1 }]);
});
