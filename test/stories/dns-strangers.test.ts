// What a name server on the internet meets and shows: floods from one prefix, cookies, TLS; and what it
// writes down of it. Crowds of connections and of names are in dns-crowds.test.ts.
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect } from "node:tls";
import { FakeClock } from "../../src/base/clock.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { AnswerSettings, QueryLogEntry } from "../../src/dns/mod.ts";
import { NO_HEALTH } from "../../src/model/health.ts";
import { decodeMessage, FLAG, type Message, OPTION, RCODE } from "../../src/wire/dns/mod.ts";
import { counterOf } from "../lab/dns-server.ts";
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
      return counterOf(text, 'requests_total{proto="udp",family="1",type="A"}') >= 2021;
    });
    const cut = flooder.answers.filter((answer) => (answer.flags & FLAG.TRUNCATED) !== 0).length;
    expect(flooder.answers.length - cut).toBeLessThanOrEqual(50);
    expect(fair.answers.filter((answer) => answer.answers.length === 1)).toHaveLength(20);
    const text = dns.metrics();
    expect(counterOf(text, 'limited_total{action="dropped"}')).toBeGreaterThan(900);
    expect(counterOf(text, 'limited_total{action="truncated"}')).toBeGreaterThan(900);
    const proven = await askUdp(dns.port, query("c.cdn.example", cookieOf(own)), {
      from: "127.1.1.9",
    });
    expect(proven.answers).toHaveLength(1);
  }, 15_000);
});

/** A question over a connection of this version: what its session was, and is to the next. */
async function handshake(port: number, version: "TLSv1.2" | "TLSv1.3", session?: Buffer) {
  const versions = { minVersion: version, maxVersion: version };
  const socket = connect({
    ...{ host: "127.0.0.1", port, rejectUnauthorized: false, ...versions },
    ...(session && { session }),
  });
  const tickets: Buffer[] = [];
  socket.on("session", (ticket: Buffer) => tickets.push(ticket));
  await once(socket, "secureConnect");
  // Tickets of TLS 1.3 come after the handshake: an answer is waited for.
  socket.write(framed(query("c.cdn.example")));
  await once(socket, "data");
  const said = { version: socket.getProtocol(), isReused: socket.isSessionReused() };
  const kept = tickets.at(-1) ?? socket.getSession();
  socket.destroy();
  return { ...said, session: kept };
}

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
    expect(counterOf(dns.metrics(), 'requests_total{proto="tls",family="1",type="A"}')).toBe(4);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`gives no tickets, whose keys would live as long as the node: ${version} (T8)`, async () => {
      const tls = selfSigned(["ns.cdn.example"], new Date());
      const dns = await startServer({ tls: { hosts: ["127.0.0.1"], port: 0 } }, { tls });
      const first = await handshake(dns.tlsPort!, version);
      expect(first).toMatchObject({ version, isReused: false });
      const again = await handshake(dns.tlsPort!, version, first.session);
      expect(again).toMatchObject({ version, isReused: false });
    });
  }

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
