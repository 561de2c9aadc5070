import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  formatData,
  type Message,
  makeQuery,
  type ResourceRecord,
  TYPE,
  typeName,
} from "../../wire/dns/mod.ts";
import { parseAddress } from "../../wire/ip/mod.ts";
import { Responder } from "./answer.ts";
import { compileWorld, healthOf, WORLD } from "./world.fixture.ts";

type Line = readonly [name: string, type: string, value: string];

const OUT = new Uint8Array(65_535);
const HEX = "ab".repeat(32);

const PLAIN: readonly Line[] = [
  ["@", "MX", "10 mail.hosted.example"],
  ["@", "MX", "20 mail.hosted.example"],
  ["@", "MX", "30 mx.elsewhere.test"],
  ["@", "CAA", '0 issue "ca.example"'],
  ["_sip._tcp", "SRV", "0 5 5060 sip.hosted.example"],
  ["_sip._tcp", "SRV", "1 5 5060 mail.hosted.example"],
  ["sip", "A", "192.0.2.40"],
  ["sip", "AAAA", "2001:db8::40"],
  ["mail", "A", "192.0.2.25"],
  ["4", "PTR", "mail.hosted.example"],
  ["_443._tcp.mail", "TLSA", `3 1 1 ${HEX}`],
  ["svc", "HTTPS", '1 . alpn="h3,h2" port=8443 ipv4hint=192.0.2.40'],
  ["svc", "A", "192.0.2.41"],
  ["old", "HTTPS", "0 svc.hosted.example"],
  ["_dns", "SVCB", '1 sip.hosted.example alpn="dot"'],
  ["none", "SVCB", "0 ."],
  ["none", "A", "192.0.2.42"],
  ["odd", "TYPE65280", "\\# 3 010203"],
  ["empty", "TYPE65281", "\\# 0"],
  ["naptr", "NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .'],
  ["sub", "NS", "ns.sub.hosted.example"],
  ["sub", "NS", "ns.beside.hosted.example"],
  ["sub", "DS", `20326 8 2 ${HEX}`],
  ["ns.sub", "A", "192.0.2.53"],
  ["ns.sub", "AAAA", "2001:db8::53"],
  ["beside", "NS", "ns.beside.hosted.example"],
  ["ns.beside", "A", "192.0.2.54"],
  ["*.wild", "MX", "5 mail.hosted.example"],
  ["*.wild", "TYPE65280", "\\# 1 ff"],
  ["a.*.wild", "A", "192.0.2.60"],
  ["*.chain", "CNAME", "x.wild.hosted.example"],
  ["*.self", "CNAME", "y.self.hosted.example"],
  ["to-cut", "CNAME", "x.sub.hosted.example"],
  ["to-mx", "CNAME", "hosted.example"],
  ["a\\.b", "A", "192.0.2.61"],
  ["www", "TXT", "beside a steered name"],
];

function responder(lines: readonly Line[]): Responder {
  const world = structuredClone(WORLD);
  const records = lines.map(([name, type, value]) => ({ name, type, value }));
  world.customers[0]!.zones![0]!.records = records;
  const snapshot = compileWorld(world);
  const made = new Responder(1);
  made.load(snapshot);
  made.observe(healthOf(snapshot), NO_ASSIGNMENT);
  return made;
}

function ask(to: Responder, name: string, type: number, bytesMax = 0): Message {
  const query = { ...makeQuery(1, name, type), ...(bytesMax === 512 ? { edns: null } : {}) };
  const bytes = encodeMessage(query)!;
  const address = parseAddress("192.0.2.200")!;
  const stream = bytesMax > 1232;
  const packet = { bytes, length: bytes.length, address, addressAt: 0, family: 4, stream } as const;
  const length = to.answer(packet, OUT);
  expect(to.failures).toBe(0);
  const answer = decodeMessage(OUT.slice(0, length)) as Message;
  if (!("rcode" in answer)) throw new Error(`${name}: ${JSON.stringify(answer)}`);
  return answer;
}

function text({ name, type, data }: ResourceRecord): string {
  const value =
    data.kind === "address"
      ? data.address
      : data.kind === "name"
        ? data.name
        : data.kind === "raw"
          ? formatData(type, data.bytes)
          : data.kind;
  return `${name} ${typeName(type)} ${value}`;
}

function short(message: Message): string[] {
  return [
    ...message.answers.map(text),
    "--",
    ...message.authorities.map(text),
    "--",
    ...message.additionals.map(text),
  ];
}

const to = responder(PLAIN);
const of = (name: string, type: number) => short(ask(to, `${name}.hosted.example`, type));
const MAIL = "mail.hosted.example A 192.0.2.25";

describe("records of every type", () => {
  test("are served as they were written", () => {
    for (const [name, type, value] of PLAIN) {
      const delegated = /^(?:ns\.)?(?:sub|beside)$/.test(name) && type !== "DS";
      if (name.startsWith("*") || delegated) continue;
      const owner = name === "@" ? "hosted.example" : `${name}.hosted.example`;
      const number = type.startsWith("TYPE") ? Number(type.slice(4)) : TYPE[type as "MX"];
      const { answers, flags } = ask(to, owner, number);
      expect(flags & FLAG.AUTHORITATIVE).toBe(FLAG.AUTHORITATIVE);
      const found = answers.map(text);
      const wanted = type === "TXT" ? `${owner} TXT texts` : `${owner} ${type} ${value}`;
      expect(found).toContain(wanted);
    }
  });

  test("bring the addresses of the hosts that they name, each once, and of their zone only", () => {
    expect(short(ask(to, "hosted.example", TYPE.MX))).toEqual([
      "hosted.example MX 10 mail.hosted.example",
      "hosted.example MX 20 mail.hosted.example",
      "hosted.example MX 30 mx.elsewhere.test",
      "--",
      "--",
      MAIL,
    ]);
    expect(of("_sip._tcp", TYPE.SRV).slice(3)).toEqual([
      "--",
      "sip.hosted.example A 192.0.2.40",
      "sip.hosted.example AAAA 2001:db8::40",
      MAIL,
    ]);
    expect(of("_dns", TYPE.SVCB).slice(2)).toEqual([
      "--",
      "sip.hosted.example A 192.0.2.40",
      "sip.hosted.example AAAA 2001:db8::40",
    ]);
    expect(of("old", TYPE.HTTPS).slice(2)).toEqual([
      "--",
      'svc.hosted.example HTTPS 1 . alpn="h3,h2" port=8443 ipv4hint=192.0.2.40',
      "svc.hosted.example A 192.0.2.41",
    ]);
  });

  test("name themselves by a dot in a service, and nothing in an alias (RFC 9460 2.5)", () => {
    expect(of("svc", TYPE.HTTPS).slice(2)).toEqual(["--", "svc.hosted.example A 192.0.2.41"]);
    expect(of("none", TYPE.SVCB)).toEqual(["none.hosted.example SVCB 0 .", "--", "--"]);
  });

  test("stand beside a steered name, whose addresses are decided all the same", () => {
    expect(of("www", TYPE.TXT)[0]).toBe("www.hosted.example TXT texts");
    expect(of("www", TYPE.A)[0]).toBe("www.hosted.example A 192.0.2.21");
  });

  test("are compressed where RFC 3597 4 allows it, and nowhere else", () => {
    const size = (name: string, type: number) => {
      const bytes = encodeMessage({ ...makeQuery(1, name, type), edns: null })!;
      const packet = { bytes, length: bytes.length, address: new Uint8Array(4), addressAt: 0 };
      to.answer({ ...packet, family: 4, stream: false }, OUT);
      const at = bytes.length;
      return (OUT[at + 10]! << 8) | OUT[at + 11]!;
    };
    expect(size("hosted.example", TYPE.MX)).toBe(2 + 5 + 2);
    expect(size("4.hosted.example", TYPE.PTR)).toBe(5 + 2);
    expect(size("_sip._tcp.hosted.example", TYPE.SRV)).toBe(6 + 20);
    expect(size("_dns.hosted.example", TYPE.SVCB)).toBe(2 + 20 + 8);
  });
});

describe("wildcards, cuts and chains", () => {
  test("a wildcard stands for every type it has, also two labels down (RFC 4592)", () => {
    expect(of("x.y.wild", TYPE.MX)).toEqual([
      "x.y.wild.hosted.example MX 5 mail.hosted.example",
      "--",
      "--",
      MAIL,
    ]);
    expect(of("x.wild", 65_280)[0]).toBe("x.wild.hosted.example TYPE65280 \\# 1 ff");
    expect(of("x.wild", TYPE.A).slice(1, 2)).toEqual(["hosted.example SOA soa"]);
    expect(ask(to, "x.wild.hosted.example", TYPE.A).rcode).toBe(0);
    expect(of("*.wild", TYPE.MX)[0]).toBe("*.wild.hosted.example MX 5 mail.hosted.example");
  });

  test("a name below `*` ends what the wildcard stands for there", () => {
    expect(of("a.*.wild", TYPE.A)[0]).toBe("a.*.wild.hosted.example A 192.0.2.60");
    expect(ask(to, "b.*.wild.hosted.example", TYPE.MX).rcode).toBe(3);
    expect(ask(to, "wild.hosted.example", TYPE.MX).rcode).toBe(0);
  });

  test("a chain goes through wildcards, and one that leads to itself ends", () => {
    expect(of("q.chain", TYPE.MX).slice(0, 2)).toEqual([
      "q.chain.hosted.example CNAME x.wild.hosted.example",
      "x.wild.hosted.example MX 5 mail.hosted.example",
    ]);
    expect(of("to-mx", TYPE.MX)[1]).toBe("hosted.example MX 10 mail.hosted.example");
    const loop = ask(to, "y.self.hosted.example", TYPE.MX);
    expect(loop.answers.length).toBeLessThanOrEqual(18);
    expect(loop.rcode).toBe(0);
  });

  test("a cut is referred to with its glue first, and the parent answers for its DS", () => {
    for (const type of [TYPE.MX, TYPE.HTTPS, TYPE.NS, 65_280]) {
      expect(short(ask(to, "x.sub.hosted.example", type))).toEqual([
        "--",
        "sub.hosted.example NS ns.sub.hosted.example",
        "sub.hosted.example NS ns.beside.hosted.example",
        "--",
        "ns.sub.hosted.example A 192.0.2.53",
        "ns.sub.hosted.example AAAA 2001:db8::53",
        "ns.beside.hosted.example A 192.0.2.54",
      ]);
    }
    expect(of("to-cut", TYPE.TXT).slice(0, 5)).toEqual([
      "to-cut.hosted.example CNAME x.sub.hosted.example",
      "--",
      "sub.hosted.example NS ns.sub.hosted.example",
      "sub.hosted.example NS ns.beside.hosted.example",
      "--",
    ]);
    expect(of("sub", TYPE.DS)[0]).toBe(`sub.hosted.example DS 20326 8 2 ${HEX}`);
    expect(ask(to, "x.sub.hosted.example", TYPE.DS).flags & FLAG.AUTHORITATIVE).toBe(0);
  });
});

describe("answers that are too long", () => {
  const names = Array.from({ length: 15 }, (_, i) => `host-number-${i}`);
  const long = responder([
    ...names.map((name): Line => ["@", "MX", `10 ${name}.hosted.example`]),
    ...names.flatMap((name): Line[] => [
      [name, "A", "192.0.2.1"],
      [name, "AAAA", "2001:db8::1"],
    ]),
    ...names.map((name): Line => ["cut", "NS", `${name}.cut.hosted.example`]),
    ...names.map((name): Line => [`${name}.cut`, "AAAA", "2001:db8::2"]),
  ]);

  test("leave out addresses that are only helpful, a set at a time (RFC 2181 9)", () => {
    const some = ask(long, "hosted.example", TYPE.MX, 512);
    expect([some.flags & FLAG.TRUNCATED, some.answers.length]).toEqual([0, 15]);
    const all = ask(long, "hosted.example", TYPE.MX, 65_535);
    expect([all.answers.length, all.additionals.length]).toEqual([15, 30]);
    expect(some.additionals.length).toBeLessThan(30);
  });

  test("are cut where glue does not fit, for it is needed (RFC 9471 2)", () => {
    const cut = ask(long, "x.cut.hosted.example", TYPE.A, 512);
    expect(cut.flags & FLAG.TRUNCATED).toBe(FLAG.TRUNCATED);
    const whole = ask(long, "x.cut.hosted.example", TYPE.A, 65_535);
    expect([whole.authorities.length, whole.additionals.length]).toEqual([15, 15]);
  });
});

test("a snapshot that breaks the limits of a zone is not loaded (D14)", () => {
  const many = (count: number, line: (i: number) => Line): Line[] =>
    Array.from({ length: count }, (_, i) => line(i));
  const snapshotWith = (lines: readonly Line[]) => {
    const snapshot = compileWorld();
    const records = lines.map(([name, type, value]) => {
      return { name: `${name}.hosted.example`, type, ttlSec: 1, values: [value] };
    });
    return { ...snapshot, zones: [{ ...snapshot.zones[0]!, records }] };
  };
  const made = responder(PLAIN);
  const load = (lines: readonly Line[]) => () => made.load(snapshotWith(lines));
  const address = (i: number): Line => ["a", "A", `192.0.2.${i}`];
  const type = (i: number): Line => ["a", `TYPE${60_000 + i}`, "\\# 0"];
  expect(load(many(100, address))).not.toThrow();
  expect(load(many(101, address))).toThrow();
  expect(load(many(100, type))).not.toThrow();
  expect(load(many(101, type))).toThrow();
  expect(load([["a", "TXT", "x".repeat(65_500)]])).toThrow();
  expect(load([["a", "MX", "ten mail"]])).toThrow();
  expect(ask(made, "a.hosted.example", 60_001).answers).toHaveLength(1);
});

test("no question about a zone of odd corners fails, whatever its name and type", () => {
  const label = fc.constantFrom(
    "*",
    "wild",
    "sub",
    "ns",
    "chain",
    "self",
    "mail",
    "x",
    "_tcp",
    "a",
  );
  const name = fc.array(label, { maxLength: 6 }).map((l) => [...l, "hosted.example"].join("."));
  const types = fc.oneof(
    fc.constantFrom(...Object.values(TYPE).filter((t) => t < 128 && t !== TYPE.OPT)),
    fc.integer({ min: 256, max: 65_535 }),
  );
  fc.assert(
    fc.property(name, types, (asked, type) => {
      const answer = ask(to, asked, type);
      expect([0, 3]).toContain(answer.rcode);
      const authoritative = (answer.flags & FLAG.AUTHORITATIVE) !== 0;
      const soa = answer.authorities.some((r) => r.type === TYPE.SOA);
      if (answer.answers.length === 0) expect(soa).toBe(authoritative);
    }),
    { numRuns: 2000 },
  );
});
