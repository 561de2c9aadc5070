// The threat list of name servers, row by row: each message is sent over UDP, TCP, TLS and HTTPS alike, and
// what must come back stands beside it. Crowds of connections and names are in dns-crowds.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { startFeed } from "../../src/cli/node/feed.ts";
import { makeZoneKey } from "../../src/control/keys-make.ts";
import { Responder } from "../../src/dns/hot/answer.ts";
import { compileWorld, healthOf } from "../../src/dns/hot/world.fixture.ts";
import {
  type AnswerSettings,
  type DnsServer,
  PLAIN,
  type QueryLogEntry,
} from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { encodeName, OPCODE, OPTION, TYPE } from "../../src/wire/dns/mod.ts";
import { SMALL, snapshotOf } from "../fixtures/network.ts";
import { type Case, type Expected, threatWorld } from "../lab/dns-case.ts";
import { ANSWER_CASES } from "../lab/dns-cases-answers.ts";
import { PROTOCOL_CASES } from "../lab/dns-cases-protocol.ts";
import {
  type Line,
  type Outcome,
  openLine,
  type Shape,
  shapeOf,
  TRANSPORTS,
  type Transport,
} from "../lab/dns-line.ts";
import { randomQuery, rawMessage } from "../lab/dns-packets.ts";
import { openDoh } from "../lab/doh-door.ts";
import { clean, HandFeed, onClean, query, startServer, until } from "./dns-stage.ts";

/** Rows that take more than one message: where they are shown, and how over each transport. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  D7: "test/stories/dns-crowds.test.ts",
  D10: "test/stories/dns-crowds.test.ts",
  D11: "test/stories/dns-crowds.test.ts",
  D14: "src/control/zone.test.ts",
  D17: "src/cli/node/feed.test.ts",
  D18: "test/sim/dns-fuzz.test.ts",
  D19: "src/policy/snapshot/records.test.ts",
};

const CASES = [...PROTOCOL_CASES, ...ANSWER_CASES];
const SECRET = new Uint8Array(16).fill(3);
const OTHER = new Uint8Array(16).fill(4);
const ANSWERING: AnswerSettings = {
  ...PLAIN,
  nsid: "a",
  cookies: { secrets: [SECRET], required: false },
};
const tls = selfSigned(["ns.cdn.example"], new Date());
const SNAPSHOT = compileWorld(threatWorld());
const DOWN = [...SNAPSHOT.origins, ...SNAPSHOT.nodes].map((target) => target.id);
const written: QueryLogEntry[] = [];

type More = Parameters<typeof startServer>[1];
const START: Readonly<Record<NonNullable<Case["stage"]>, () => Promise<DnsServer>>> = {
  plain: () =>
    listening({
      answering: { ...ANSWERING, sampleEach: 1 },
      onLookup: (entry: QueryLogEntry) => void written.push(entry),
    }),
  required: () => listening({ answering: withSecrets([SECRET]) }),
  down: () => listening({ feed: new HandFeed(SNAPSHOT, healthOf(SNAPSHOT, {}, DOWN)) }),
  signed: () => {
    const snapshot = compileWorld(threatWorld({ dnssec: true }));
    const key = makeZoneKey({ zone: "hosted.example", algorithm: 13, state: "active" });
    return listening({
      feed: new HandFeed(snapshot, healthOf(snapshot)),
      keys: { keys: () => [key], onKeys: () => () => {} },
    });
  },
};

function withSecrets(secrets: readonly Uint8Array[]): AnswerSettings {
  return { ...ANSWERING, cookies: { secrets, required: true } };
}

/** One worker, so that answers come in the order of their questions. */
function listening(more: More, udp?: "portable"): Promise<DnsServer> {
  const feed = new HandFeed(SNAPSHOT, healthOf(SNAPSHOT));
  const listen = { tls: { hosts: ["127.0.0.1"], port: 0 }, ...(udp && { udp }) };
  return startServer(listen, { feed, tls, ...more });
}

const lines = new Map<string, Line>();

async function linesTo(server: DnsServer): Promise<[Transport, Line][]> {
  const door = await openDoh(server, tls);
  onClean(() => door.stop());
  const ports = { port: server.port, tlsPort: server.tlsPort, httpsPort: door.port };
  const open = TRANSPORTS.map(async (transport): Promise<[Transport, Line]> => {
    return [transport, await openLine(transport, ports)];
  });
  return Promise.all(open);
}

beforeAll(async () => {
  for (const [stage, start] of Object.entries(START)) {
    for (const [transport, line] of await linesTo(await start())) {
      lines.set(`${stage} ${transport}`, line);
    }
  }
}, 30_000);
afterAll(clean);

/** The answer's shape; throws if none came. */
async function ask(line: Line, bytes: Uint8Array): Promise<Shape> {
  const outcome = await line.exchange(bytes);
  if (typeof outcome === "string") throw new Error(`Expected an answer: received ${outcome}`);
  return shapeOf(outcome);
}

function judge(outcome: Outcome, expected: Exclude<Expected, { not: string }>): void {
  if (typeof expected === "string" || typeof outcome === "string") {
    expect(outcome).toEqual(expected as Outcome);
    return;
  }
  const shape = shapeOf(outcome);
  if (typeof expected !== "function") expect(shape).toMatchObject(expected);
  else expect({ lacks: expected(shape), shape }).toEqual({ lacks: null, shape });
}

function expectedOver(transport: Transport, one: Case): Expected {
  const { expected } = one;
  return typeof expected === "object" && "udp" in expected ? expected[transport] : expected;
}

describe.each(TRANSPORTS)("over %s", (transport) => {
  for (const one of CASES) {
    const expected = expectedOver(transport, one);
    if (typeof expected === "object" && "not" in expected) continue;
    test(`${one.row}: ${one.sends}`, async () => {
      const line = lines.get(`${one.stage ?? "plain"} ${transport}`)!;
      judge(await line.exchange(one.bytes), expected);
    });
  }
});

describe("over UDP, TCP, TLS and HTTPS alike", () => {
  test("every row is sent, or says where else it is shown", () => {
    const sent = new Set(CASES.map((one) => one.row));
    const text = readFileSync(import.meta.path, "utf8");
    for (let n = 1; n <= 20; n++) {
      const row = `D${n}`;
      const path = ELSEWHERE[row];
      const here = sent.has(row) || text.includes(`(${row}`);
      expect([row, here || path !== undefined]).toEqual([row, true]);
      if (path === undefined) continue;
      const there = readFileSync(join(import.meta.dir, "../..", path), "utf8");
      expect([row, path, there.includes(`(${row})`)]).toEqual([row, path, true]);
    }
  });

  test("whatever a name holds, one line of the query log holds it (D4)", async () => {
    const raw = "\\000\\010\\013\\027\"'\\\\\\.\\255=cmd.hosted.example";
    const bytes = rawMessage({}, encodeName(raw)!, [0, 1, 0, 1]);
    for (const transport of TRANSPORTS) {
      await lines.get(`plain ${transport}`)!.exchange(bytes);
    }
    await until(
      () => written.filter((entry) => entry.name.includes("=cmd")).length >= TRANSPORTS.length,
    );
    const ways = written.filter((entry) => entry.name.includes("=cmd")).map((entry) => entry.proto);
    expect([...new Set(ways)].sort()).toEqual([...TRANSPORTS].sort());
    for (const entry of written) {
      expect(entry.name).toMatch(/^[\x21-\x7e]*$/);
      expect(JSON.stringify(entry)).not.toMatch(/[^\x20-\x7e]/);
    }
  });

  test("a cookie of one server is one of all with its secret, also while it is rolled (D8)", async () => {
    const both = await linesTo(await listening({ answering: withSecrets([OTHER, SECRET]) }));
    const gone = await linesTo(await listening({ answering: withSecrets([OTHER]) }));
    for (const [i, [transport, rolling]] of both.entries()) {
      const client = { code: OPTION.COOKIE, data: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1) };
      const asking = query("c.cdn.example", { options: [client] });
      const { options } = await ask(lines.get(`plain ${transport}`)!, asking);
      const data = Uint8Array.from(Buffer.from(options[OPTION.COOKIE]!, "hex"));
      const proven = query("c.cdn.example", { options: [{ code: OPTION.COOKIE, data }] });
      const required = await ask(lines.get(`required ${transport}`)!, proven);
      expect([required.rcode, required.options[OPTION.COOKIE]]).toEqual([
        "NOERROR",
        options[OPTION.COOKIE]!,
      ]);
      // Taken, and answered with one of the new secret.
      const rolled = await ask(rolling, proven);
      expect(rolled.rcode).toBe("NOERROR");
      expect(rolled.options[OPTION.COOKIE]).not.toBe(options[OPTION.COOKIE]!);
      const forgotten = await ask(gone[i]![1], proven);
      expect(forgotten.rcode).toBe(transport === "udp" ? "BADCOOKIE" : "NOERROR");
      expect(forgotten.options[OPTION.COOKIE]).not.toBe(options[OPTION.COOKIE]!);
    }
  });

  test("cookies outlive a clock that is wrong by minutes, and the year 2038 (D8)", async () => {
    // The main thread's UDP, which goes by the clock given here.
    const clock = new FakeClock(2 ** 31 * 1000 - 5000);
    const server = await listening({ answering: withSecrets([SECRET]), clock }, "portable");
    for (const [transport, line] of await linesTo(server)) {
      const client = { code: OPTION.COOKIE, data: Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2) };
      const first = await ask(line, query("c.cdn.example", { options: [client] }));
      const cookie = first.options[OPTION.COOKIE]!;
      const data = Uint8Array.from(Buffer.from(cookie, "hex"));
      const bytes = query("c.cdn.example", { options: [{ code: OPTION.COOKIE, data }] });
      const after = async (sec: number) => {
        clock.step(sec * 1000);
        const { rcode, options } = await ask(line, bytes);
        clock.step(-sec * 1000);
        return [rcode, options[OPTION.COOKIE] === cookie];
      };
      // Fresh beyond 2038; accepted and renewed within the hour; then as none; five minutes ahead.
      const refused = transport === "udp" ? "BADCOOKIE" : "NOERROR";
      expect(await after(10)).toEqual(["NOERROR", true]);
      expect(await after(3000)).toEqual(["NOERROR", false]);
      expect(await after(3700)).toEqual([refused, false]);
      expect(await after(-200)).toEqual(["NOERROR", true]);
      expect(await after(-3600)).toEqual([refused, false]);
    }
  });

  test("a NOTIFY makes nobody ask its sender for anything (D9)", async () => {
    // A server that believed it would ask the sender's port 53, or the port it came from.
    const heard: string[] = [];
    const master = createSocket("udp4");
    master.on("message", (message) => heard.push(message.toString("hex")));
    const port = process.getuid?.() === 0 ? 53 : 0;
    await new Promise<void>((resolve) => master.bind(port, "127.77.9.1", resolve));
    try {
      const server = await listening({});
      const ports = { port: server.port, tlsPort: server.tlsPort, httpsPort: 0 };
      const soa = [...encodeName("hosted.example")!, 0, TYPE.SOA, 0, 1];
      const bytes = rawMessage({ flags: OPCODE.NOTIFY << 11 }, soa);
      // What comes over HTTPS comes from no port that could be asked; its NOTIFY is one of the cases.
      for (const transport of ["udp", "tcp", "tls"] as const) {
        const line = await openLine(transport, ports, { from: "127.77.9.1" });
        for (let i = 0; i < 20; i++)
          expect((await ask(line, bytes)).rcode).toMatch(/REFUSED|NOTIMP/);
      }
      await server.stop();
      // What was on its way is here once our own packet is.
      const last = new Promise((resolve) => master.once("message", resolve));
      master.send("end", master.address().port, "127.77.9.1");
      await last;
      expect(heard).toEqual([Buffer.from("end").toString("hex")]);
    } finally {
      master.close();
    }
  });

  test("a snapshot with one record, type or octet too many leaves the one before in force (D14)", async () => {
    const values = Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`);
    const record = { ttlSec: 60, type: "A", values };
    const types = Array.from({ length: 101 }, (_, i) => {
      return { ttlSec: 60, type: `TYPE${65_280 + i}`, values: ["\\# 1 00"] };
    });
    const text = { ttlSec: 60, type: "TXT", values: ["t".repeat(66_000)] };
    const feed = new HandFeed(SNAPSHOT, healthOf(SNAPSHOT));
    const server = await linesTo(await listening({ feed }));
    for (const [i, records] of [[record], types, [text]].entries()) {
      feed.publish(withRecords(records, 8 + i));
      for (const [transport, line] of server) {
        const kept = await ask(line, query("www.shop.example"));
        expect([transport, kept.answers]).toEqual([transport, ["A 192.0.2.1"]]);
        const { rcode } = await ask(line, query("bad.hosted.example"));
        expect([transport, rcode]).toEqual([transport, "NXDOMAIN"]);
      }
    }
    // One record less is a snapshot like any other.
    feed.publish(withRecords([{ ...record, values: values.slice(1) }], 20));
    for (const [, line] of server) {
      await until(async () => (await ask(line, query("bad.hosted.example"))).rcode === "NOERROR");
    }
  }, 30_000);

  test("an older snapshot after a newer one is ignored (D17)", async () => {
    const bus = new LocalBus();
    const clock = new FakeClock();
    const feed = await startFeed({ node: "a", dir: null, bus, clock, log: silentLog });
    try {
      const acked: number[] = [];
      bus.subscribe("snapshot.ack", (ack) => void acked.push(ack.number));
      const publish = (number: number) =>
        bus.publish("snapshot.published", { snapshot: snapshotOf(SMALL, number) });
      publish(10);
      await until(() => feed.snapshot()?.number === 10);
      const server = await linesTo(await listening({ feed }));
      for (const number of [9, 10, 1]) publish(number);
      publish(11);
      await until(() => feed.snapshot()?.number === 11);
      expect(acked).toEqual([10, 11]);
      for (const [, line] of server) {
        const soa = query(SMALL.zone, null, TYPE.SOA);
        await until(async () => serialOf(await line.exchange(soa)) === 11);
        for (const number of [9, 10]) publish(number);
        for (let i = 0; i < 10; i++) expect(serialOf(await line.exchange(soa))).toBe(11);
      }
    } finally {
      feed.stop();
    }
  });

  test("what is kept between queries changes no answer (D18)", async () => {
    const server = await linesTo(await listening({ answering: PLAIN }));
    const cold = new Uint8Array(65_535);
    const address = Uint8Array.of(127, 0, 0, 1);
    for (const [transport, line] of server) {
      const rng = seededRng(18);
      for (let i = 0; i < 100; i++) {
        const bytes = randomQuery(rng);
        const fresh = new Responder(1, PLAIN);
        fresh.load(SNAPSHOT);
        fresh.observe(healthOf(SNAPSHOT), NO_ASSIGNMENT);
        const stream = transport !== "udp";
        const how = { stream, secure: transport === "tls" || transport === "https" };
        const at = { address, addressAt: 0, family: 4 as const };
        const length = fresh.answer({ bytes, length: bytes.length, ...at, ...how }, cold);
        const expected = length === 0 ? "nothing" : cold.slice(0, length);
        expect(await line.exchange(bytes)).toEqual(expected);
      }
    }
  }, 60_000);

  test("a flood of names to be denied is signed so many times a second, and no other zone suffers (D12)", async () => {
    const server = await START.signed();
    for (const [transport, line] of await linesTo(server)) {
      const perSec = transport === "udp" ? 2000 : 1000;
      const startMs = performance.now();
      const asked = Array.from({ length: 3000 }, (_, i) =>
        query(`x${i}-${transport}.hosted.example`, { dnssecOk: true }),
      );
      const signed = await countSigned(line, asked);
      // Two signatures a denial (SOA's is kept): a second's worth at once, and what time adds.
      const sec = (performance.now() - startMs) / 1000;
      expect(signed).toBeLessThanOrEqual(perSec + sec * perSec + 1);
      expect(signed).toBeGreaterThan(0);
      const plain = await ask(line, query("www.shop.example", { dnssecOk: true }));
      expect([plain.rcode, plain.answers]).toEqual(["NOERROR", ["A 192.0.2.1"]]);
    }
  }, 60_000);
});

/** How many of these were answered with signatures; all others must be cut or refused whole. */
async function countSigned(line: Line, asked: readonly Uint8Array[]): Promise<number> {
  const answers = await line.flood(asked);
  expect(answers).toHaveLength(asked.length);
  const shapes = answers.map(shapeOf);
  for (const { rcode, flags, answers, authorities } of shapes) {
    const kept = authorities.includes("RRSIG") || rcode === "SERVFAIL" || flags.includes("TC");
    expect([kept, answers.length]).toEqual([true, 0]);
  }
  return shapes.filter((shape) => shape.authorities.includes("RRSIG")).length;
}

function withRecords(
  records: readonly { ttlSec: number; type: string; values: string[] }[],
  number: number,
) {
  const snapshot = structuredClone(SNAPSHOT) as typeof SNAPSHOT & { number: number };
  const [zone] = snapshot.zones;
  (zone!.records as object[]).push(
    ...records.map((one) => ({ ...one, name: "bad.hosted.example" })),
  );
  return { ...snapshot, number };
}

function serialOf(outcome: Outcome): number {
  if (typeof outcome === "string") return -1;
  // Our SOA is the last record without EDNS: its serial is 20 octets before the end.
  return new DataView(outcome.buffer).getUint32(outcome.length - 20);
}
