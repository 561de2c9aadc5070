// Nothing that is sent to a name server harms it: mutated packets against the decoder, the answering
// code and the sockets of a live server; and what is kept between queries never changes an answer (D18).
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
import { counterOf, DnsProcess } from "../lab/dns-server.ts";
import { PacketSender } from "../lab/packet-sender.ts";
import { clean, dial, framed, onClean, query } from "../stories/dns-stage.ts";

const PACKETS = Number(process.env.TURNPIKE_FUZZ ?? 50_000);
const SOCKET_PACKETS = Number(process.env.TURNPIKE_FUZZ_SOCKET ?? 100_000);
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
const figures: Record<string, unknown> = {};
/** Always answered; no seed has its id. */
const SENTINEL = query("c.cdn.example");
SENTINEL.set([0xfe, 0xed]);

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
      let slowest: Uint8Array = new Uint8Array(0);
      Bun.gc(true);
      const rss = process.memoryUsage.rss();
      for (let i = 0; i < PACKETS; i++) {
        const packet = mutate(pickOf(rng, seeds), rng);
        const startMs = performance.now();
        const message = decodeMessage(packet);
        const length = send(to, packet, { stream: i % 5 === 0 });
        const tookMs = performance.now() - startMs;
        if (tookMs > slowestMs) slowest = packet;
        slowestMs = Math.max(slowestMs, tookMs);
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
      // This machine may have stood still for a moment; the packet itself takes no time.
      const againMs = Array.from({ length: 20 }, () => {
        const startMs = performance.now();
        decodeMessage(slowest);
        send(to, slowest);
        return performance.now() - startMs;
      });
      expect(Math.min(...againMs)).toBeLessThan(10);
      expect(decoded).toBeGreaterThan(PACKETS / 100);
      Object.assign(figures, { packets: PACKETS, decoded, answered, slowestMs, grownBytes });
    },
    LIMIT_MS,
  );

  test(
    `${SOCKET_PACKETS} to the sockets of a live server leave it answering, in the same memory`,
    async () => {
      const rng = seededRng(2);
      const dns = await DnsProcess.start({ nsid: "fuzz", cookieSecret: 5 });
      onClean(() => dns.stop());
      const sender = new PacketSender({ host: "127.0.0.1", port: dns.place.port });
      onClean(() => sender.close());
      const seeds = Array.from({ length: 500 }, () => randomQuery(rng));
      const one = () => mutate(pickOf(rng, seeds), rng);
      let streams = 0;
      /** The end of each batch is answered, or run() throws; two frames over TCP or TLS beside. */
      const overStream = async () => {
        const tls = streams++ % 2 === 1;
        const { port, tlsPort } = dns.place;
        const stream = await dial(tls ? tlsPort : port, { tls });
        stream.socket.write(Buffer.concat([framed(one()), framed(one())]));
        await new Promise((resolve) => setImmediate(resolve));
        stream.socket.destroy();
      };
      const flood = (count: number) =>
        sender.run({
          count,
          fill: (into) => {
            const packet = one();
            into.set(packet);
            return packet.length;
          },
          sentinel: SENTINEL,
          pause: overStream,
        });
      await flood(Math.min(50_000, SOCKET_PACKETS / 2));
      const rss = await dns.rssBytes();
      const startMs = performance.now();
      const { answers, again } = await flood(SOCKET_PACKETS);
      const seconds = (performance.now() - startMs) / 1000;
      const grownBytes = (await dns.rssBytes()) - rss;
      const sockets = { packets: SOCKET_PACKETS, answers, again, streams, seconds, grownBytes };
      Object.assign(figures, { sockets });
      expect(dns.running).toBe(true);
      expect(answers).toBeGreaterThan(SOCKET_PACKETS / 4);
      expect(grownBytes).toBeLessThan(RSS_GROWTH_MAX);
      // Nothing of ours failed: no mutated query is answered SERVFAIL.
      expect(counterOf(await dns.metrics(), 'responses_total{rcode="SERVFAIL"}')).toBe(0);
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
