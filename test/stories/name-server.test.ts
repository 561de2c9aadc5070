// The name server answers over real sockets: both ways of UDP, TCP with pipelining and its bounds,
// and what it answered is counted and metered.
import { afterEach, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { FakeClock } from "../../src/base/clock.ts";
import { Fault } from "../../src/base/fault.ts";
import { seededRng } from "../../src/base/rng.ts";
import { compileWorld, healthOf, targetOf, WORLD } from "../../src/dns/hot/world.fixture.ts";
import { type DnsOptions, type DnsServer, TCP_LIMITS } from "../../src/dns/mod.ts";
import { noUsage, type UsageCounters } from "../../src/model/usage.ts";
import { decodeMessage, FLAG, type Message, RCODE, TYPE } from "../../src/wire/dns/mod.ts";
import {
  addressesOf,
  askUdp,
  clean,
  dial,
  framed,
  HandFeed,
  onClean,
  query,
  startServer,
  udpClient,
  until,
} from "./dns-stage.ts";

afterEach(clean);

interface Running {
  readonly dns: DnsServer;
  readonly feed: HandFeed;
  readonly usage: Map<string, UsageCounters>;
}

async function start(
  listen: Partial<DnsOptions["listen"]> = {},
  more: { readonly feed?: HandFeed; readonly clock?: FakeClock } = {},
): Promise<Running> {
  const snapshot = compileWorld();
  const feed = more.feed ?? new HandFeed(snapshot, healthOf(snapshot));
  const usage = new Map<string, UsageCounters>();
  const of = (customer: string, site: string) => {
    const key = `${customer} ${site}`;
    const known = usage.get(key) ?? noUsage();
    usage.set(key, known);
    return known;
  };
  const dns = await startServer(listen, { ...more, feed, meter: { of } });
  return { dns, feed, usage };
}

/** A query without EDNS. */
function encode(name: string, type: keyof typeof TYPE = "A", id = 1): Uint8Array {
  const bytes = query(name, null, TYPE[type]);
  bytes.set([id >> 8, id & 255]);
  return bytes;
}

describe.each(["batched", "portable"] as const)("UDP, %s", (udp) => {
  test("answers the three ways of onboarding and both second addresses", async () => {
    const { dns } = await start({ udp });
    const target = `${targetOf("img.shop.example")}.gtm.cdn.example`;
    const expected: [string, string][] = [
      ["www.shop.example", "192.0.2.1"],
      [target, "192.0.2.11"],
      ["www.hosted.example", "192.0.2.21"],
      ["c.cdn.example", "127.1.0.1"],
      ["www.shop.example.cdn.example", "127.1.0.1"],
    ];
    for (const [name, address] of expected) {
      expect([name, addressesOf(await askUdp(dns.port, encode(name)))]).toEqual([name, [address]]);
    }
  });

  test("follows health and snapshots, and says SERVFAIL before the first", async () => {
    const snapshot = compileWorld();
    const feed = new HandFeed(null, healthOf(snapshot));
    const { dns } = await start({ udp }, { feed });
    const answer = async () => await askUdp(dns.port, encode("www.shop.example"));
    expect((await answer()).rcode).toBe(RCODE.SERVFAIL);
    feed.publish(snapshot);
    await until(async () => addressesOf(await answer())[0] === "192.0.2.1");
    feed.observe(healthOf(snapshot, {}, ["www.shop.example/one"]));
    await until(async () => addressesOf(await answer())[0] === "192.0.2.2");
    const text = JSON.stringify(WORLD).replace('"192.0.2.2"', '"192.0.2.99"');
    feed.publish(compileWorld(JSON.parse(text), 8));
    await until(async () => addressesOf(await answer())[0] === "192.0.2.99");
  });

  test("counts what it answered and meters it, also what it answered just before its end", async () => {
    const { dns, usage } = await start({ udp });
    for (let i = 0; i < 3; i++) await askUdp(dns.port, encode("www.shop.example"));
    await askUdp(dns.port, encode("c.cdn.example"));
    await askUdp(dns.port, encode("www.shop.example.cdn.example"));
    await dns.stop();
    // A query that was sent again is counted again, so these are least counts.
    const stats = dns.drainStats();
    expect(stats.lookups["www.shop.example"]?.loop).toBeGreaterThanOrEqual(3);
    expect(stats.edgeLookups.loop).toBeGreaterThanOrEqual(2);
    expect(stats.answers["www.shop.example/one"]).toBe(stats.lookups["www.shop.example"]!.loop!);
    expect(stats.answers["node/a"]).toBe(stats.edgeLookups.loop!);
    expect(usage.get("shop www.shop.example")?.queries).toBeGreaterThanOrEqual(4);
    expect(dns.drainStats()).toEqual({ lookups: {}, edgeLookups: {}, answers: {} });
  });

  test("listens on several addresses, IPv4 and IPv6, and answers from the one asked", async () => {
    const { dns } = await start({ udp, hosts: ["127.0.0.1", "127.5.0.2", "::1"] });
    for (const host of ["127.0.0.1", "127.5.0.2", "::1"]) {
      // The client's socket is connected: an answer from another address would not arrive.
      const answer = await askUdp(dns.port, encode("c.cdn.example"), { host });
      expect(addressesOf(answer)).toEqual(["127.1.0.1"]);
    }
  });

  test("survives packets of random octets (D2)", async () => {
    const { dns } = await start({ udp });
    const rng = seededRng(7);
    const { send } = await udpClient(dns.port);
    for (let i = 0; i < 300; i++) send(rng.bytes(Math.floor(rng.float() * 1400)));
    expect(addressesOf(await askUdp(dns.port, encode("c.cdn.example")))).toEqual(["127.1.0.1"]);
  });
});

test("lookups of a site's own cache name are counted where caches of one pop share the sites", async () => {
  const file = structuredClone(WORLD);
  const addresses = { v4: "127.1.0.2" };
  (file.nodes as object[]).push({ name: "a2", pop: "oslo", roles: ["edge"], addresses });
  const snapshot = compileWorld(file);
  const { dns, usage } = await start({}, { feed: new HandFeed(snapshot, healthOf(snapshot)) });
  for (const name of ["www.shop.example.cdn.example", "c.cdn.example", "www.shop.example"]) {
    expect(addressesOf(await askUdp(dns.port, encode(name)))).toHaveLength(1);
  }
  const counted = (what: string) => {
    const lines = dns.metrics().split("\n");
    return Number(lines.find((line) => line.startsWith(what))?.split(" ")[1] ?? 0);
  };
  await until(() => counted('turnpike_dns_site_lookups_total{site="caches"}') >= 2);
  await until(() => counted('turnpike_dns_site_lookups_total{site="www.shop.example"}') >= 1);
  await until(() => (usage.get("shop www.shop.example")?.queries ?? 0) >= 2);
});

describe("a wildcard address", () => {
  test("is answered from whichever address was asked, IPv4 and IPv6", async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const v6 = addresses.filter((a) => a.family === "IPv6" && a.scopeid === 0);
    const { dns } = await start({ hosts: ["0.0.0.0", "::"], workers: 2 });
    // A connected socket takes nothing from another address than the one it asked.
    for (const host of ["127.0.0.1", "127.7.8.9", "127.99.0.3", ...v6.map((a) => a.address)]) {
      const answer = await askUdp(dns.port, encode("c.cdn.example"), { host });
      expect(answer.answers).toHaveLength(1);
    }
  });

  test("is answered from each address that the machine has, also without recvmmsg", async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const own = addresses.filter((a) => !a.address.startsWith("fe80:"));
    const { dns } = await start({ hosts: ["0.0.0.0", "::"], udp: "portable" });
    for (const { address: host } of own) {
      const answer = await askUdp(dns.port, encode("c.cdn.example"), { host });
      expect(answer.answers).toHaveLength(1);
    }
  });
});

describe("a worker that ends on its own", () => {
  test("ends the process, for its supervisor to start it again", async () => {
    const file = new URL("../fixtures/dns-child.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, file], { stdout: "pipe", stderr: "pipe" });
    const limit = setTimeout(() => child.kill("SIGKILL"), 15_000);
    onClean(() => clearTimeout(limit));
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stdout).text()).toMatch(/^took \d+/);
    expect(await new Response(child.stderr).text()).toContain("A DNS worker ended");
  }, 20_000);
});

describe("several workers", () => {
  test("share the port, and all of them follow health", async () => {
    const { dns, feed } = await start({ workers: 2 });
    feed.observe(healthOf(feed.snapshot()!, {}, ["www.shop.example/one"]));
    const answers = new Set<unknown>();
    await until(async () => {
      const asked = encode("www.shop.example");
      const round = await Promise.all(Array.from({ length: 8 }, () => askUdp(dns.port, asked)));
      answers.clear();
      for (const answer of round) answers.add(addressesOf(answer)[0]);
      return answers.size === 1 && answers.has("192.0.2.2");
    });
  });
});

describe("TCP", () => {
  test("has UDP's port and answers a thousand pipelined questions in order (D10)", async () => {
    const { dns } = await start();
    const { socket, messages } = await dial(dns.port);
    const queries = Array.from({ length: 1000 }, (_, i) => {
      return framed(encode(i % 2 === 0 ? "www.shop.example" : "c.cdn.example", "A", i));
    });
    socket.write(Buffer.concat(queries));
    await until(() => messages.length === 1000);
    const answers = messages.map((bytes) => decodeMessage(bytes) as Message);
    expect(answers.every((answer, i) => answer.id === i)).toBe(true);
    expect(addressesOf(answers[998]!)).toEqual(["192.0.2.1"]);
  });

  test("reads a question that comes octet by octet", async () => {
    const { dns } = await start();
    const { socket, messages } = await dial(dns.port);
    socket.setNoDelay(true);
    for (const octet of framed(encode("c.cdn.example"))) socket.write(Uint8Array.of(octet));
    await until(() => messages.length === 1);
    expect(addressesOf(decodeMessage(messages[0]!) as Message)).toEqual(["127.1.0.1"]);
  });

  test("carries what UDP cuts", async () => {
    const { dns } = await start();
    const cut = await askUdp(dns.port, encode("big.hosted.example", "TXT"));
    expect([cut.flags & FLAG.TRUNCATED, cut.answers.length]).toEqual([FLAG.TRUNCATED, 0]);
    const { socket, messages } = await dial(dns.port);
    socket.write(framed(encode("big.hosted.example", "TXT")));
    await until(() => messages.length === 1);
    const [record] = (decodeMessage(messages[0]!) as Message).answers;
    const texts = record?.data.kind === "texts" ? record.data.texts : [];
    expect(texts.reduce((sum, text) => sum + text.length, 0)).toBe(2000);
  });

  test("closes on a length that no message can have, and on idleness (D10)", async () => {
    const clock = new FakeClock();
    const tcp = { ...TCP_LIMITS, idleMs: 50 };
    const { dns } = await start({ tcp }, { clock });
    const short = await dial(dns.port);
    short.socket.write(Uint8Array.of(0, 0));
    await until(() => short.isClosed());
    const idle = await dial(dns.port);
    const partial = await dial(dns.port);
    partial.socket.write(Uint8Array.of(255));
    clock.advance(60);
    await until(() => idle.isClosed() && partial.isClosed());
  });

  test("bounds connections: of one client, and in all by closing the longest idle (D10)", async () => {
    const ofOne = await start({ tcp: { ...TCP_LIMITS, perClientMax: 2 } });
    const kept = [await dial(ofOne.dns.port), await dial(ofOne.dns.port)];
    const third = await dial(ofOne.dns.port);
    await until(() => third.isClosed());
    expect(kept.map((c) => c.isClosed())).toEqual([false, false]);

    const ofAll = await start({ tcp: { ...TCP_LIMITS, connectionsMax: 2 } });
    const first = await dial(ofAll.dns.port);
    const second = await dial(ofAll.dns.port);
    first.socket.write(framed(encode("c.cdn.example")));
    await until(() => first.messages.length === 1);
    await dial(ofAll.dns.port);
    await until(() => second.isClosed());
    expect(first.isClosed()).toBe(false);
  });

  test("closes on a client that reads none of its answers (D10)", async () => {
    const { dns } = await start({ tcp: { ...TCP_LIMITS, unsentBytesMax: 64 * 1024 } });
    const { socket, isClosed } = await dial(dns.port);
    socket.pause();
    const many = Buffer.concat(
      Array.from({ length: 500 }, () => framed(encode("big.hosted.example", "TXT"))),
    );
    await until(() => {
      if (!socket.destroyed) socket.write(many);
      return isClosed() || socket.destroyed;
    });
  });
});

describe("start", () => {
  test("says which port is in use", async () => {
    const { dns } = await start();
    const second = start({ port: dns.port });
    expect(second).rejects.toBeInstanceOf(Fault);
    const words = await second.catch((fault: Fault) => [fault.code, fault.message]);
    expect(words).toEqual([
      "port-in-use",
      `A port that is needed is in use: TCP 127.0.0.1 port ${dns.port}`,
    ]);
    const udp = await Bun.udpSocket({ hostname: "127.0.0.9" });
    onClean(() => udp.close());
    const third = start({ port: udp.port, hosts: ["127.0.0.9"] });
    expect(await third.catch((fault: Fault) => fault.message)).toContain("UDP 127.0.0.9");
  });
});
