import { describe, expect, test } from "bun:test";
import dnsPacket from "dns-packet";
import fc from "fast-check";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import {
  decodeMessage,
  type Edns,
  encodeMessage,
  FLAG,
  type Message,
  makeQuery,
  RCODE,
  TYPE,
} from "../../wire/dns/mod.ts";
import { parseAddress, parsePrefix } from "../../wire/ip/mod.ts";
import { Responder } from "./answer.ts";
import { CountsDesk } from "./counts.ts";
import { compileWorld, healthOf, targetOf, WORLD } from "./world.fixture.ts";

const SNAPSHOT = compileWorld();
const OUT = new Uint8Array(65_535);

function responder(
  loads: Readonly<Record<string, number>> = {},
  down: readonly string[] = [],
): Responder {
  const made = new Responder(1);
  made.load(SNAPSHOT);
  made.observe(healthOf(SNAPSHOT, loads, down), NO_ASSIGNMENT);
  return made;
}

/** Sends octets as from an address; the answer's octets. */
function send(to: Responder, bytes: Uint8Array, from = "192.0.2.200", stream = false): Uint8Array {
  const address = parseAddress(from)!;
  const family = address.length === 4 ? 4 : 6;
  const packet = { bytes, length: bytes.length, address, addressAt: 0, family, stream } as const;
  return OUT.slice(0, to.answer(packet, OUT));
}

interface Asked {
  readonly type?: number;
  readonly from?: string;
  /** A client subnet, such as `198.51.100.0/24`; "" asks without EDNS. */
  readonly subnet?: string;
  readonly stream?: boolean;
  readonly edns?: Partial<Edns>;
}

function ask(to: Responder, name: string, o: Asked = {}): Message {
  const seed = makeQuery(4711, name, o.type ?? TYPE.A);
  const prefix = o.subnet ? parsePrefix(o.subnet)! : null;
  const clientSubnet = prefix && { ...prefix, sourceBits: prefix.bits, scopeBits: 0 };
  const edns = o.subnet === "" ? null : { ...seed.edns!, clientSubnet, ...o.edns };
  const answer = send(to, encodeMessage({ ...seed, edns })!, o.from, o.stream);
  expect(to.failures).toBe(0);
  return decodeMessage(answer) as Message;
}

/** What a person looks at: code, and records in short. */
function short(message: Message): string[] {
  const of = (records: Message["answers"]) =>
    records.map((r) => {
      const value = "address" in r.data ? r.data.address : "name" in r.data ? r.data.name : "";
      return `${r.name} ${r.ttlSec} ${r.type} ${value}`.trim();
    });
  return [String(message.rcode), ...of(message.answers), "--", ...of(message.authorities)];
}

describe("Responder.answer() of a site that sticks to clients", () => {
  const file = structuredClone(WORLD);
  const site = file.customers[0]!.sites[0]! as { steering: Record<string, unknown> };
  site.steering = { preset: "sticky" };
  const snapshot = compileWorld(file);
  const to = new Responder(1);
  to.load(snapshot);
  to.observe(healthOf(snapshot, {}, []), NO_ASSIGNMENT);

  test("gives a client prefix the same server each time, and says how far the answer holds", () => {
    const seen = new Map<string, number>();
    for (let i = 0; i < 200; i++) {
      const subnet = `10.${i}.3.0/24`;
      const [one, two] = [1, 2].map(() => ask(to, "www.shop.example", { subnet }));
      expect(short(one!)).toEqual(short(two!));
      expect(one!.edns?.clientSubnet?.scopeBits).toBe(24);
      const address = short(one!)[1]!;
      seen.set(address, (seen.get(address) ?? 0) + 1);
    }
    expect(seen.size).toBe(2);
    for (const count of seen.values()) expect(count).toBeGreaterThan(70);
  });

  test("takes a resolver's own prefix where it sends no subnet", () => {
    const from = (n: number) => short(ask(to, "www.shop.example", { from: `10.9.8.${n}` }));
    for (let n = 1; n < 20; n++) expect(from(n)).toEqual(from(0));
  });
});

describe("Responder.answer()", () => {
  test("answers a delegated hostname with the origin of the lowest load", () => {
    const one = responder({ "www.shop.example/one": 0.2, "www.shop.example/two": 0.6 });
    expect(short(ask(one, "www.shop.example"))).toEqual([
      "0",
      "www.shop.example 20 1 192.0.2.1",
      "--",
    ]);
    const two = responder({ "www.shop.example/one": 0.7, "www.shop.example/two": 0.6 });
    expect(short(ask(two, "www.shop.example"))[1]).toBe("www.shop.example 20 1 192.0.2.2");
  });

  test("answers the CNAME target and a hosted name the same way", () => {
    const target = `${targetOf("img.shop.example")}.gtm.cdn.example`;
    expect(short(ask(responder(), target))[1]).toBe(`${target} 20 1 192.0.2.11`);
    expect(short(ask(responder(), "www.hosted.example"))[1]).toBe(
      "www.hosted.example 20 1 192.0.2.21",
    );
  });

  test("answers the second addresses, and sites behind caches, with the nearest cache", () => {
    const to = responder();
    const names = ["c.cdn.example", "www.shop.example.cdn.example", "www.blog.example"];
    for (const name of names) {
      expect(short(ask(to, name, { subnet: "198.51.100.0/24" }))[1]).toEndWith("127.1.0.1");
      expect(short(ask(to, name, { subnet: "203.0.113.0/24" }))[1]).toEndWith("127.2.0.1");
    }
  });

  test("takes the best server that has the family asked for, and says no data only if none has", () => {
    const to = responder({ "www.shop.example/one": 0.1, "www.shop.example/two": 0.9 });
    expect(short(ask(to, "www.shop.example", { type: TYPE.AAAA }))[1]).toBe(
      "www.shop.example 20 28 2001:db8::2",
    );
    expect(short(ask(to, "www.hosted.example", { type: TYPE.AAAA }))).toEqual([
      "0",
      "--",
      "hosted.example 5 6",
    ]);
  });

  test("answers all servers when all are down, never nothing (D16)", () => {
    const to = responder({}, ["www.shop.example/one", "www.shop.example/two"]);
    expect(short(ask(to, "www.shop.example"))).toEqual([
      "0",
      "www.shop.example 20 1 192.0.2.1",
      "www.shop.example 20 1 192.0.2.2",
      "--",
    ]);
  });

  test("follows health and snapshots when they are swapped, and forgets nothing it counted", () => {
    const to = responder({ "www.shop.example/one": 0.1 });
    ask(to, "www.shop.example", { from: "198.51.100.5" });
    to.observe(healthOf(SNAPSHOT, {}, ["www.shop.example/one"]), NO_ASSIGNMENT);
    expect(short(ask(to, "www.shop.example", { from: "203.0.113.5" }))[1]).toEndWith("192.0.2.2");
    to.load(compileWorld(WORLD, 8));
    to.observe(healthOf(SNAPSHOT), NO_ASSIGNMENT);
    ask(to, "c.cdn.example", { from: "198.51.100.5" });
    const packed = to.drain();
    const desk = new CountsDesk();
    for (const counts of packed) desk.add(counts, SNAPSHOT);
    expect(packed.map((counts) => counts.snapshot)).toEqual([7, 8]);
    expect(desk.take()).toEqual({
      lookups: { "www.shop.example": { north: 1, south: 1 } },
      edgeLookups: { north: 1 },
      answers: { "www.shop.example/one": 1, "www.shop.example/two": 1, "node/a": 1 },
    });
    const site = SNAPSHOT.sites.findIndex((s) => s.hostname === "www.shop.example");
    expect(packed.map((counts) => [counts.lookups[0], counts.lookups[1]])).toEqual([
      [site + 1, 1],
      [0, 1],
    ]);
    expect(to.drain()).toEqual([]);
  });

  test("counts a site's queries that are no lookups of its servers apart, each once", () => {
    const to = responder();
    const site = SNAPSHOT.sites.findIndex((s) => s.hostname === "www.shop.example");
    ask(to, "www.shop.example", { type: TYPE.HTTPS });
    ask(to, "www.shop.example.cdn.example");
    expect(to.drain().map((counts) => [...counts.others])).toEqual([[site, 2]]);
    ask(to, "www.shop.example");
    expect(to.drain().map((counts) => [...counts.others])).toEqual([[]]);
  });

  test("keeps the snapshot before when one cannot be loaded", () => {
    const to = responder();
    const broken = { ...SNAPSHOT, zone: "..", number: 9 };
    expect(() => to.load(broken)).toThrow();
    expect(ask(to, "www.shop.example").answers).toHaveLength(1);
  });

  test("says SERVFAIL before any snapshot, and REFUSED for names that are not ours", () => {
    expect(ask(new Responder(1), "www.shop.example").rcode).toBe(RCODE.SERVFAIL);
    for (const name of ["", "example", "shop.example", "xcdn.example", "a.test"]) {
      const answer = ask(responder(), name);
      expect([name, answer.rcode, answer.flags & FLAG.AUTHORITATIVE]).toEqual([name, 5, 0]);
    }
  });
});

describe("zones", () => {
  test("have SOA and NS at the apex, with the servers' addresses", () => {
    for (const [zone, one, two] of [
      ["cdn.example", "ns-a.cdn.example", "ns-b.cdn.example"],
      // A customer's zones have a set of names of their own (D19).
      ["hosted.example", "ns1-shop.cdn.example", "ns2-shop.cdn.example"],
      ["www.shop.example", "ns1-shop.cdn.example", "ns2-shop.cdn.example"],
    ] as const) {
      const ns = ask(responder(), zone, { type: TYPE.NS });
      expect(short(ns).slice(1, 3)).toEqual([`${zone} 3600 2 ${one}`, `${zone} 3600 2 ${two}`]);
      expect(ns.additionals.map((r) => `${r.name} ${r.type}`)).toEqual([
        `${one} 1`,
        `${two} 1`,
        `${two} 28`,
      ]);
      const soa = ask(responder(), zone, { type: TYPE.SOA }).answers[0]?.data;
      expect(soa).toEqual({
        kind: "soa",
        soa: {
          mname: one,
          rname: "host\\.master.cdn.example",
          serial: 7,
          refreshSec: 3600,
          retrySec: 600,
          expireSec: 604_800,
          minimumSec: 5,
        },
      });
    }
  });

  test("say NXDOMAIN with the SOA, but no data at an empty non-terminal (RFC 2308, RFC 8020)", () => {
    const to = responder();
    expect(short(ask(to, "a.b.c.cdn.example"))).toEqual(["3", "--", "cdn.example 5 6"]);
    expect(short(ask(to, "x.www.shop.example"))).toEqual(["3", "--", "www.shop.example 5 6"]);
    for (const name of ["b.deep.hosted.example", "deep.hosted.example", "gtm.cdn.example"]) {
      expect([name, short(ask(to, name))[0]]).toEqual([name, "0"]);
    }
    expect(short(ask(to, "a.b.deep.hosted.example"))[1]).toEndWith("192.0.2.30");
    expect(short(ask(to, "mail.hosted.example", { type: TYPE.TXT }))).toEqual([
      "0",
      "--",
      "hosted.example 5 6",
    ]);
  });

  test("follow CNAMEs within our zones, to steered names too, and end at loops (D13)", () => {
    const to = responder();
    expect(short(ask(to, "alias.hosted.example"))).toEqual([
      "0",
      "alias.hosted.example 3600 5 mail.hosted.example",
      "mail.hosted.example 3600 1 192.0.2.25",
      "mail.hosted.example 3600 1 192.0.2.26",
      "--",
    ]);
    expect(short(ask(to, "first.hosted.example")).slice(1, 3)).toEqual([
      "first.hosted.example 3600 5 www.hosted.example",
      "www.hosted.example 20 1 192.0.2.21",
    ]);
    expect(short(ask(to, "far.hosted.example"))).toEqual([
      "0",
      "far.hosted.example 3600 5 elsewhere.test",
      "--",
    ]);
    // RFC 6604: the code is that of the last name.
    expect(short(ask(to, "gone.hosted.example"))).toEqual([
      "3",
      "gone.hosted.example 3600 5 nothing.hosted.example",
      "--",
      "hosted.example 5 6",
    ]);
    expect(ask(to, "loop1.hosted.example").answers).toHaveLength(8);
    expect(short(ask(to, "alias.hosted.example", { type: TYPE.CNAME }))).toHaveLength(3);
  });

  test("refer below a delegation, with the addresses that lie there, and own its DS", () => {
    const to = responder();
    for (const name of ["sub.hosted.example", "a.b.sub.hosted.example", "ns.sub.hosted.example"]) {
      const answer = ask(to, name);
      expect(short(answer)).toEqual(["0", "--", "sub.hosted.example 3600 2 ns.sub.hosted.example"]);
      expect(answer.flags & FLAG.AUTHORITATIVE).toBe(0);
      expect(answer.additionals[0]?.data).toEqual({ kind: "address", address: "192.0.2.53" });
    }
    const ds = ask(to, "sub.hosted.example", { type: TYPE.DS });
    expect([ds.flags & FLAG.AUTHORITATIVE, ...short(ds)]).toEqual([
      FLAG.AUTHORITATIVE,
      "0",
      "--",
      "hosted.example 5 6",
    ]);
  });

  test("let `*` stand for names that do not exist (RFC 4592)", () => {
    const world = structuredClone(WORLD);
    world.customers[0]!.zones![0]!.records.push({ name: "*.any", type: "A", value: "192.0.2.77" });
    const to = new Responder(1);
    to.load(compileWorld(world));
    expect(short(ask(to, "x.y.any.hosted.example"))[1]).toBe(
      "x.y.any.hosted.example 3600 1 192.0.2.77",
    );
    expect(short(ask(to, "any.hosted.example"))).toEqual(["0", "--", "hosted.example 5 6"]);
  });

  test("split a long text into strings of 255 octets", () => {
    const answer = ask(responder(), "hosted.example", { type: TYPE.TXT });
    const sizes = answer.answers.map((r) => (r.data.kind === "texts" ? r.data.texts : []));
    expect(sizes.map((texts) => texts.map((t) => t.length))).toEqual([[11], [255, 45]]);
  });
});

describe("the protocol", () => {
  test("sends not one byte back to a response (D1)", () => {
    const bytes = encodeMessage({ ...makeQuery(1, "c.cdn.example", 1), flags: FLAG.RESPONSE })!;
    expect(send(responder(), bytes)).toHaveLength(0);
  });

  test("answers malformed and unknown requests with a bare header (D2, D9)", () => {
    const bytes = encodeMessage({ ...makeQuery(0x1234, "c.cdn.example", 1), edns: null })!;
    bytes[5] = 0;
    const empty = bytes.slice(0, 12);
    expect([...send(responder(), empty)]).toEqual([0x12, 0x34, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    empty[2] = 5 << 3;
    expect([...send(responder(), empty).slice(2, 4)]).toEqual([0x80 | (5 << 3), 5]);
    empty[2] = 2 << 3;
    expect([...send(responder(), empty).slice(2, 4)]).toEqual([0x80 | (2 << 3), 4]);
    expect(ask(responder(), "cdn.example", { type: TYPE.AXFR, stream: true }).rcode).toBe(5);
    expect(ask(responder(), "cdn.example", { type: TYPE.IXFR }).rcode).toBe(5);
  });

  test("tells nothing about itself in class CH (D20)", () => {
    const question = { name: "version.bind", type: TYPE.TXT, class: 3 };
    const bytes = encodeMessage({ ...makeQuery(1, "", 1), questions: [question] })!;
    const answer = decodeMessage(send(responder(), bytes)) as Message;
    expect([answer.rcode, answer.answers.length]).toEqual([RCODE.REFUSED, 0]);
  });

  test("answers another EDNS version with BADVERS, and with EDNS only whoever used it (D5)", () => {
    const bad = ask(responder(), "c.cdn.example", { edns: { version: 1 } });
    expect([bad.rcode, bad.edns?.version, bad.answers.length]).toEqual([RCODE.BADVERS, 0, 0]);
    expect(ask(responder(), "c.cdn.example", { subnet: "" }).edns).toBeNull();
    expect(ask(responder(), "a.test").edns?.payloadBytes).toBe(1232);
    expect(ask(responder(), "c.cdn.example", { edns: { dnssecOk: true } }).edns?.dnssecOk).toBe(
      true,
    );
    const odd = { options: [{ code: 65_001, data: new Uint8Array(3) }] };
    expect(ask(responder(), "c.cdn.example", { edns: odd }).edns?.options).toEqual([]);
  });

  test("cuts what is too long for UDP, and sends it whole over TCP (D5)", () => {
    const asked = { type: TYPE.TXT, edns: { payloadBytes: 4096 } };
    const cut = ask(responder(), "big.hosted.example", asked);
    expect([cut.flags & FLAG.TRUNCATED, cut.answers.length, cut.edns?.payloadBytes]).toEqual([
      FLAG.TRUNCATED,
      0,
      1232,
    ]);
    const whole = ask(responder(), "big.hosted.example", { ...asked, stream: true });
    expect([whole.flags & FLAG.TRUNCATED, whole.answers.length]).toEqual([0, 1]);
    const plain = ask(responder(), "hosted.example", { type: TYPE.TXT, subnet: "" });
    expect(plain.flags & FLAG.TRUNCATED).toBe(0);
  });

  test("gives the question back octet by octet (D6)", () => {
    const bytes = encodeMessage(makeQuery(1, "wWw.ShOp.ExAmPlE", TYPE.A))!;
    const answer = send(responder(), bytes);
    expect(answer.slice(12, 34)).toEqual(bytes.slice(12, 34));
    expect((decodeMessage(answer) as Message).answers[0]?.name).toBe("wWw.ShOp.ExAmPlE");
  });

  test("answers ANY with one small record (D7, RFC 8482)", () => {
    const answer = ask(responder(), "hosted.example", { type: TYPE.ANY });
    expect(answer.answers.map((r) => [r.type, r.data])).toEqual([
      [13, { kind: "raw", bytes: Uint8Array.of(7, 82, 70, 67, 56, 52, 56, 50, 0) }],
    ]);
    expect(ask(responder(), "nope.hosted.example", { type: TYPE.ANY }).rcode).toBe(3);
  });

  test("scopes a steered answer to its client group, and other answers to everybody (D15)", () => {
    const to = responder();
    const scope = (name: string, subnet: string) => {
      return ask(to, name, { subnet }).edns?.clientSubnet?.scopeBits;
    };
    expect(scope("c.cdn.example", "198.51.100.0/24")).toBe(24);
    expect(scope("c.cdn.example", "198.51.100.7/32")).toBe(24);
    expect(scope("c.cdn.example", "2001:db8:1::/56")).toBe(48);
    // Never more than was asked for, and wide where nobody is near.
    expect(scope("c.cdn.example", "198.51.0.0/16")).toBe(16);
    expect(scope("c.cdn.example", "10.0.0.0/8")).toBe(2);
    expect(scope("cdn.example", "198.51.100.0/24")).toBe(0);
    expect(scope("nope.cdn.example", "198.51.100.0/24")).toBe(0);
    expect(ask(to, "c.cdn.example").edns?.clientSubnet).toBeNull();
    const none = ask(to, "c.cdn.example", { subnet: "0.0.0.0/0", from: "203.0.113.9" });
    expect([none.edns?.clientSubnet?.scopeBits, short(none)[1]]).toEqual([
      0,
      "c.cdn.example 20 1 127.2.0.1",
    ]);
  });

  test("goes by the resolver's address when no subnet is sent", () => {
    const by = (from: string) => short(ask(responder(), "c.cdn.example", { from }))[1];
    expect(by("198.51.100.1")).toEndWith("127.1.0.1");
    expect(by("203.0.113.1")).toEndWith("127.2.0.1");
    expect(by("2001:db8:1::7")).toEndWith("127.1.0.1");
  });

  test("writes what dns-packet reads", () => {
    const query = dnsPacket.encode({
      type: "query",
      id: 77,
      questions: [{ type: "A", name: "alias.hosted.example" }],
    });
    const answer = dnsPacket.decode(Buffer.from(send(responder(), Uint8Array.from(query))));
    expect(answer.answers?.map((a) => ("data" in a ? [a.name, a.type, a.data] : []))).toEqual([
      ["alias.hosted.example", "CNAME", "mail.hosted.example"],
      ["mail.hosted.example", "A", "192.0.2.25"],
      ["mail.hosted.example", "A", "192.0.2.26"],
    ]);
  });

  test("never fails, never exceeds the limit, and is read by the decoder, whatever it is sent", () => {
    const to = responder();
    const names = ["www.shop.example", "c.cdn.example", "big.hosted.example", "sub.hosted.example"];
    const change = fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 }));
    const name = fc.constantFrom(...names);
    fc.assert(
      fc.property(name, fc.array(change, { maxLength: 5 }), fc.nat(300), (asked, changes, type) => {
        const bytes = encodeMessage(makeQuery(1, asked, type))!;
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const answer = send(to, bytes);
        expect(to.failures).toBe(0);
        expect(answer.length).toBeLessThanOrEqual(1232);
        if (answer.length > 0) expect(decodeMessage(answer)).toHaveProperty("rcode");
      }),
      { numRuns: 3000 },
    );
  });
});
