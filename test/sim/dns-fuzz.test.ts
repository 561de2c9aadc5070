// Nothing that is sent to a name server harms it: mutated packets against the decoder, the answering
// code and a live socket; and what is kept between queries never changes an answer (D18).
// TURNPIKE_FUZZ, TURNPIKE_FUZZ_SOCKET and TURNPIKE_FUZZ_PAIRS set how many.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { seededRng } from "../../src/base/rng.ts";
import { Responder } from "../../src/dns/hot/answer.ts";
import { compileWorld, healthOf } from "../../src/dns/hot/world.fixture.ts";
import { type AnswerSettings, PLAIN } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { decodeMessage, isWireFault } from "../../src/wire/dns/mod.ts";
import { mutate, pickOf, randomQuery } from "../lab/dns-packets.ts";
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
