// Nothing that is sent to a name server harms it: mutated packets against the decoder, the answering
// code and a live socket; and what is kept between queries never changes an answer (D18).
// TURNPIKE_FUZZ, TURNPIKE_FUZZ_SOCKET and TURNPIKE_FUZZ_PAIRS set how many.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { Responder } from "../../src/dns/hot/answer.ts";
import { compileWorld, healthOf, targetOf } from "../../src/dns/hot/world.fixture.ts";
import { type AnswerSettings, PLAIN } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  isWireFault,
  makeQuery,
  OPTION,
  TYPE,
} from "../../src/wire/dns/mod.ts";
import { clearHostBits, parseAddress } from "../../src/wire/ip/mod.ts";
import {
  askUdp,
  clean,
  dial,
  framed,
  query,
  startServer,
  udpClient,
} from "../stories/dns-stage.ts";

const PACKETS = Number(process.env.TURNPIKE_FUZZ ?? 50_000);
const SOCKET_PACKETS = Number(process.env.TURNPIKE_FUZZ_SOCKET ?? 10_000);
const PAIRS = Number(process.env.TURNPIKE_FUZZ_PAIRS ?? 10_000);
const LIMIT_MS = 1_200_000;
const RSS_GROWTH_MAX = 64 * 1_048_576;
const OUT = new Uint8Array(65_535);
const SNAPSHOT = compileWorld();
const settings: AnswerSettings = {
  ...PLAIN,
  nsid: "fuzz",
  cookies: { secrets: [new Uint8Array(16).fill(5)], required: false },
};
const figures: Record<string, number> = {};

afterEach(clean);
afterAll(() => {
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
});

const NAMES = [
  "www.shop.example",
  `${targetOf("img.shop.example")}.gtm.cdn.example`,
  "www.hosted.example",
  "loop1.hosted.example",
  "x.sub.hosted.example",
  "big.hosted.example",
  "hosted.example",
  "c.cdn.example",
  "no.such.cdn.example",
  "elsewhere.test",
];
const TYPES = Object.values(TYPE);

function pickOf<T>(rng: Rng, list: readonly T[]): T {
  return list[Math.floor(rng.float() * list.length)]!;
}

/** A whole query with random flags, options and case. */
function randomQuery(rng: Rng): Uint8Array {
  const name = [...pickOf(rng, NAMES)]
    .map((c) => (rng.float() < 0.3 ? c.toUpperCase() : c))
    .join("");
  const type = rng.float() < 0.6 ? pickOf(rng, [TYPE.A, TYPE.AAAA]) : pickOf(rng, TYPES);
  const seed = makeQuery(Math.floor(rng.float() * 65_536), name, type);
  const address = parseAddress(
    pickOf(rng, ["198.51.100.0", "203.0.113.0", "2001:db8:1::", "9.9.9.0"]),
  )!;
  const family: 4 | 6 = address.length === 4 ? 4 : 6;
  const sourceBits = Math.floor(rng.float() * (address.length * 8 + 1));
  clearHostBits(address, sourceBits);
  const clientSubnet = rng.float() < 0.4 ? { family, address, sourceBits, scopeBits: 0 } : null;
  const options = [
    { code: OPTION.COOKIE, data: rng.bytes(pickOf(rng, [8, 24, 40])) },
    { code: OPTION.NSID, data: new Uint8Array(0) },
    { code: 65_001, data: rng.bytes(5) },
  ].filter(() => rng.float() < 0.3);
  const payloadBytes = pickOf(rng, [0, 512, 1232, 4096]);
  const edns = {
    payloadBytes,
    version: rng.float() < 0.05 ? 1 : 0,
    dnssecOk: rng.float() < 0.3,
    clientSubnet,
    options,
  };
  const flags = Math.floor(rng.float() * 65_536) & 0x07f0;
  return encodeMessage({ ...seed, flags, edns: rng.float() < 0.8 ? edns : null }, 1232)!;
}

/** One to four changes: bits, octets, lengths, counts, pointers, pieces twice or gone. */
function mutate(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = Uint8Array.from(bytes);
  for (let n = 1 + Math.floor(rng.float() * 4); n > 0; n--) {
    const at = Math.floor(rng.float() * out.length);
    const kind = Math.floor(rng.float() * 7);
    if (kind === 0) out[at]! ^= 1 << Math.floor(rng.float() * 8);
    else if (kind === 1) out[at] = Math.floor(rng.float() * 256);
    else if (kind === 2) out = out.slice(0, at);
    else if (kind === 3)
      out = Uint8Array.from([...out.subarray(0, at), ...rng.bytes(3), ...out.subarray(at)]);
    else if (kind === 4)
      out.set([0xc0, Math.floor(rng.float() * 64)].slice(0, out.length - at), at);
    else if (kind === 5 && out.length > 12)
      out[4 + Math.floor(rng.float() * 8)] = Math.floor(rng.float() * 4);
    else out = Uint8Array.from([...out.subarray(0, at), ...out.subarray(at >> 1)]).slice(0, 1400);
    if (out.length === 0) return out;
  }
  return out;
}

function loaded(): Responder {
  const to = new Responder(9, settings);
  to.load(SNAPSHOT);
  to.observe(healthOf(SNAPSHOT), NO_ASSIGNMENT);
  return to;
}

function send(to: Responder, bytes: Uint8Array, o: { stream?: boolean } = {}): number {
  const address = Uint8Array.of(192, 0, 2, 200);
  const at = { address, addressAt: 0, family: 4 as const, stream: o.stream ?? false };
  return to.answer({ bytes, length: bytes.length, ...at }, OUT);
}

describe("mutated packets", () => {
  test(
    `${PACKETS} are decoded or refused, and answered with whole messages, in bounded time`,
    () => {
      const rng = seededRng(1);
      const to = loaded();
      const seeds = Array.from({ length: 500 }, () => randomQuery(rng));
      // Answers are seeds too: compressed names and records of every section.
      for (const one of seeds.slice(0, 200)) {
        const length = send(to, one, { stream: true });
        if (length > 0) seeds.push(OUT.slice(0, Math.min(length, 1232)));
      }
      let decoded = 0;
      let answered = 0;
      let slowestMs = 0;
      Bun.gc(true);
      const rss = process.memoryUsage.rss();
      for (let i = 0; i < PACKETS; i++) {
        const packet = mutate(pickOf(rng, seeds), rng);
        const startMs = performance.now();
        const message = decodeMessage(packet);
        const length = send(to, packet, { stream: i % 5 === 0 });
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
        if (!isWireFault(message)) decoded += 1;
        if (length === 0) continue;
        answered += 1;
        // One in a hundred: the answer is a message itself.
        if (i % 100 === 0) expect(isWireFault(decodeMessage(OUT.slice(0, length)))).toBe(false);
      }
      expect(to.failures).toBe(0);
      Bun.gc(true);
      const grownBytes = process.memoryUsage.rss() - rss;
      expect(grownBytes).toBeLessThan(RSS_GROWTH_MAX);
      expect(slowestMs).toBeLessThan(1000);
      expect(decoded).toBeGreaterThan(PACKETS / 100);
      Object.assign(figures, { packets: PACKETS, decoded, answered, slowestMs, grownBytes });
    },
    LIMIT_MS,
  );

  test(
    `${SOCKET_PACKETS} to live sockets leave it answering`,
    async () => {
      const rng = seededRng(2);
      const dns = await startServer({}, { answering: settings });
      const client = await udpClient(dns.port);
      const seeds = Array.from({ length: 500 }, () => randomQuery(rng));
      for (let i = 0; i < SOCKET_PACKETS; i++) {
        const packet = mutate(pickOf(rng, seeds), rng);
        if (packet.length > 0) client.send(packet);
        if (i % 1000 !== 999) continue;
        client.answers.length = 0;
        const tcp = await dial(dns.port);
        tcp.socket.write(Buffer.concat([framed(packet), framed(mutate(pickOf(rng, seeds), rng))]));
        expect((await askUdp(dns.port, query("c.cdn.example"))).answers).toHaveLength(1);
        tcp.socket.destroy();
      }
      figures.socketPackets = SOCKET_PACKETS;
    },
    LIMIT_MS,
  );
});

describe("what is kept between queries (D18)", () => {
  test(
    `${PAIRS} answers are octet for octet those of a server that has decided nothing before`,
    () => {
      const rng = seededRng(3);
      const health = healthOf(SNAPSHOT);
      const other = healthOf(
        SNAPSHOT,
        {},
        SNAPSHOT.origins.map((origin) => origin.id),
      );
      const warm = loaded();
      const cold = loaded();
      const kept = new Uint8Array(65_535);
      for (let i = 0; i < PAIRS; i++) {
        const packet = randomQuery(rng);
        const stream = rng.float() < 0.2;
        const length = send(warm, packet, { stream });
        kept.set(OUT.subarray(0, length));
        cold.observe(other, NO_ASSIGNMENT);
        cold.observe(health, NO_ASSIGNMENT);
        expect(send(cold, packet, { stream })).toBe(length);
        if (Buffer.compare(kept.subarray(0, length), OUT.subarray(0, length)) !== 0) {
          throw new Error(`Another answer to ${Buffer.from(packet).toString("hex")}`);
        }
      }
      expect([warm.failures, cold.failures]).toEqual([0, 0]);
      figures.pairs = PAIRS;
    },
    LIMIT_MS,
  );
});
