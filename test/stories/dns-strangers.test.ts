// What a name server on the internet meets and shows: cookies, floods, TLS, too many connections,
// random names; and what it writes down of it.
import { afterEach, describe, expect, test } from "bun:test";
import { FakeClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { type AnswerSettings, PLAIN, type QueryLogEntry } from "../../src/dns/mod.ts";
import { NO_HEALTH } from "../../src/model/health.ts";
import { decodeMessage, FLAG, type Message, OPTION, RCODE } from "../../src/wire/dns/mod.ts";
import {
  askUdp,
  clean,
  dial,
  framed,
  HandFeed,
  query,
  startServer,
  udpClient,
  until,
} from "./dns-stage.ts";

afterEach(clean);

const answering: AnswerSettings = {
  nsid: "a",
  cookies: { secrets: [new Uint8Array(16).fill(3)], required: false },
  rateLimits: { answersPerSec: 50, nxdomainPerSec: 20, errorsPerSec: 10, slip: 2, exempt: [] },
  sampleEach: 1,
};

/** One counter of a scrape, by the start of its line. */
function counter(text: string, name: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`turnpike_dns_${name} `));
  return line === undefined ? 0 : Number(line.split(" ").at(-1));
}

describe("a flood from one prefix (D7)", () => {
  test("gets its limit and slipped answers; others, and who has a cookie, lose nothing", async () => {
    // The clock stands, so that no bucket fills up again.
    const dns = await startServer({ workers: 2 }, { answering, clock: new FakeClock() });
    const flooder = await udpClient(dns.port, { from: "127.1.1.1" });
    const fair = await udpClient(dns.port, { from: "127.2.2.2" });
    const cookieOf = (data: Uint8Array) => ({ options: [{ code: OPTION.COOKIE, data }] });
    const first = await askUdp(dns.port, query("c.cdn.example", cookieOf(new Uint8Array(8))), {
      from: "127.1.1.9",
    });
    const own = first.edns!.options.find((one) => one.code === OPTION.COOKIE)!.data;
    for (let i = 0; i < 2000; i++) {
      flooder.send(query("c.cdn.example"));
      if (i % 100 === 0) {
        fair.send(query("c.cdn.example"));
        await until(() => fair.answers.length > i / 100);
      }
    }
    await until(() => {
      const text = dns.metrics();
      return counter(text, 'requests_total{proto="udp",family="1",type="A"}') >= 2021;
    });
    const cut = flooder.answers.filter((answer) => (answer.flags & FLAG.TRUNCATED) !== 0).length;
    expect(flooder.answers.length - cut).toBeLessThanOrEqual(50);
    expect(fair.answers.filter((answer) => answer.answers.length === 1)).toHaveLength(20);
    const text = dns.metrics();
    expect(counter(text, 'limited_total{action="dropped"}')).toBeGreaterThan(900);
    expect(counter(text, 'limited_total{action="truncated"}')).toBeGreaterThan(900);
    const proven = await askUdp(dns.port, query("c.cdn.example", cookieOf(own)), {
      from: "127.1.1.9",
    });
    expect(proven.answers).toHaveLength(1);
  }, 15_000);
});

describe("DNS over TLS", () => {
  test("answers as TCP does, pads, and hides no refusal (D9)", async () => {
    const tls = selfSigned(["ns.cdn.example"], new Date());
    const dns = await startServer({ tls: { hosts: ["127.0.0.1"], port: 0 } }, { tls, answering });
    const client = await dial(dns.tlsPort!, { tls: true });
    const asked = [
      query("c.cdn.example"),
      query("WwW.ShOp.ExAmPlE"),
      query("no.cdn.example"),
      query("cdn.example", {}, 252),
      query("elsewhere.test"),
    ];
    for (const one of asked) client.socket.write(framed(one));
    await until(() => client.messages.length === asked.length);
    const answers = client.messages.map((bytes) => decodeMessage(bytes) as Message);
    expect(client.messages.map((bytes) => bytes.length)).toEqual([468, 468, 468, 468, 468]);
    expect(answers.map((answer) => answer.rcode)).toEqual([
      RCODE.NOERROR,
      RCODE.NOERROR,
      RCODE.NXDOMAIN,
      RCODE.REFUSED,
      RCODE.REFUSED,
    ]);
    expect(answers[1]!.questions[0]!.name).toBe("WwW.ShOp.ExAmPlE");
    expect(counter(dns.metrics(), 'requests_total{proto="tls",family="1",type="A"}')).toBe(4);
  });

  test("is not spoken in the clear, and TCP's port does not speak it", async () => {
    const tls = selfSigned(["ns.cdn.example"], new Date());
    const dns = await startServer({ tls: { hosts: ["127.0.0.1"], port: 0 } }, { tls });
    const clear = await dial(dns.tlsPort!);
    clear.socket.write(framed(query("c.cdn.example")));
    await until(() => clear.isClosed());
    expect(clear.messages).toHaveLength(0);
    const plain = await dial(dns.port);
    plain.socket.write(framed(query("c.cdn.example")));
    await until(() => plain.messages.length === 1);
  });
});

/** A connection, a question and its answer, ms. */
async function fairMs(port: number): Promise<number> {
  const startMs = performance.now();
  const fair = await dial(port, { from: "127.9.0.1" });
  fair.socket.write(framed(query("c.cdn.example")));
  await until(() => fair.messages.length === 1);
  fair.socket.destroy();
  return performance.now() - startMs;
}

function percentile99(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
}

describe("TCP under attack (D10)", () => {
  test("a fair client has its answers while others idle, dribble, never read and send nonsense", async () => {
    const limits = { connectionsMax: 120, perClientMax: 64, idleMs: 1500, unsentBytesMax: 65_536 };
    const dns = await startServer({ tcp: limits });
    // How long it takes when nobody attacks: this machine may be busy with other things.
    const calm: number[] = [];
    for (let i = 0; i < 100; i++) calm.push(await fairMs(dns.port));
    const idle = await Promise.all(
      Array.from({ length: 300 }, (_, i) => dial(dns.port, { from: `127.5.${i >> 4}.1` })),
    );
    const dribble = await Promise.all(
      Array.from({ length: 20 }, (_, i) => dial(dns.port, { from: `127.6.${i}.1` })),
    );
    const deaf = await Promise.all(
      Array.from({ length: 5 }, (_, i) => dial(dns.port, { from: `127.7.${i}.1` })),
    );
    for (const one of deaf) {
      one.socket.pause();
      one.socket.write(
        Buffer.concat(Array.from({ length: 2000 }, () => framed(query("hosted.example", {}, 16)))),
      );
    }
    for (const bytes of [Uint8Array.of(0, 0), Uint8Array.of(255, 255, 1, 2, 3)]) {
      const one = await dial(dns.port, { from: "127.8.0.1" });
      one.socket.write(bytes);
      one.socket.end();
    }
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      for (const one of dribble) if (!one.isClosed()) one.socket.write(Uint8Array.of(0));
      times.push(await fairMs(dns.port));
      expect(counter(dns.metrics(), "connections")).toBeLessThanOrEqual(limits.connectionsMax);
    }
    expect(percentile99(times)).toBeLessThan(Math.max(100, percentile99(calm) * 2));
    // Whoever asks nothing is gone after the idle time, however it dribbles.
    await until(() => counter(dns.metrics(), "connections") === 0, 8000);
    await until(() => [...idle, ...dribble].every((one) => one.isClosed()));
  }, 30_000);
});

describe("a flood of random names (D11)", () => {
  test("costs no memory, makes no label, and known names are answered beside it", async () => {
    const dns = await startServer({}, { answering: PLAIN });
    const flooder = await udpClient(dns.port, { from: "127.1.1.1" });
    const fair = await udpClient(dns.port, { from: "127.2.2.2" });
    // The names are written into one packet, since what this client wastes is not to be measured.
    const packet = query("r000000000.hosted.example");
    const flood = async (from: number) => {
      flooder.answers.length = 0;
      Bun.gc(true);
      for (let i = from; i < from + 5000; i++) {
        packet.set(new TextEncoder().encode(String((i * 7919) % 999_999_937).padStart(9, "0")), 14);
        flooder.send(packet);
        if (i % 200 !== 199) continue;
        const before = fair.answers.length;
        await until(() => {
          fair.send(query("c.cdn.example"));
          return fair.answers.length > before;
        });
      }
    };
    await flood(0);
    const before = process.memoryUsage.rss();
    for (let round = 1; round <= 6; round++) await flood(round * 5000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1_048_576);
    const text = dns.metrics();
    expect(text.split("\n").length).toBeLessThan(60);
    expect(text).not.toMatch(/r\d{9}/);
  }, 30_000);
});

describe("what is written down", () => {
  test("names the client's prefix, the answer, and the numbers that it was decided by", async () => {
    const entries: QueryLogEntry[] = [];
    const onLookup = (entry: QueryLogEntry) => entries.push(entry);
    const dns = await startServer({}, { answering, onLookup });
    await askUdp(dns.port, query("WWW.shop.example"), { from: "127.0.0.77" });
    await askUdp(dns.port, query("no.cdn.example"));
    const of = (name: string) => entries.find((entry) => entry.name === name);
    await until(() => of("WWW.shop.example") !== undefined && of("no.cdn.example") !== undefined);
    expect(of("WWW.shop.example")).toMatchObject({
      node: "a",
      proto: "udp",
      client: "127.0.0.0/24",
      clientFrom: "resolver",
      group: "loop",
      type: "A",
      rcode: "NOERROR",
      answer: ["192.0.2.1"],
      snapshot: 7,
      health: 1,
    });
    expect(of("no.cdn.example")).toMatchObject({ rcode: "NXDOMAIN", answer: [] });
  });

  test("shows SERVFAIL before the first snapshot as what it is", async () => {
    const entries: QueryLogEntry[] = [];
    const feed = new HandFeed(null, NO_HEALTH);
    const onLookup = (entry: QueryLogEntry) => entries.push(entry);
    const dns = await startServer({}, { answering, onLookup, feed });
    const answer = await askUdp(dns.port, query("c.cdn.example"));
    expect(answer.rcode).toBe(RCODE.SERVFAIL);
    await until(() => entries.length > 0);
    expect(entries[0]).toMatchObject({ rcode: "SERVFAIL", snapshot: 0, group: "default" });
  });
});
