// Signed zones are secure to validators that trust their keys alone: delv, and unbound with
// aggressive use of NSEC, which denies nothing that lives.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import dnsPacket from "dns-packet";
import { hash32, seededRng } from "../../src/base/rng.ts";
import { makeZoneKey } from "../../src/control/keys-make.ts";
import { targetOf } from "../../src/dns/hot/world.fixture.ts";
import { findProgram, testWith, whyNot } from "../lab/needs.ts";
import { type Program, until } from "../lab/process.ts";
import {
  anchorsOf,
  delv,
  type SignedServer,
  startSigned,
  startUnbound,
} from "../lab/signed-world.ts";
import { loopback } from "../lab/turnpike.ts";

const ANSWERS = Number(process.env.TURNPIKE_DNSSEC_ANSWERS ?? 400);
const UNBOUND_PORT = 5354;
const dir = mkdtempSync(join(tmpdir(), "turnpike-dnssec-"));
let server: SignedServer;
let anchors: readonly string[];

beforeAll(async () => {
  server = await startSigned();
  anchors = anchorsOf(server.keys.keys());
});
afterAll(async () => {
  await server.dns.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Names and types that have an answer. */
const LIVE: readonly (readonly [string, string])[] = [
  ["www.shop.example", "A"],
  ["www.shop.example", "AAAA"],
  ["www.shop.example", "SOA"],
  ["c.cdn.example", "A"],
  ["c.cdn.example", "AAAA"],
  ["www.shop.example.cdn.example", "A"],
  [`${targetOf("img.shop.example")}.gtm.cdn.example`, "A"],
  ["ns-a.cdn.example", "A"],
  ["cdn.example", "NS"],
  ["cdn.example", "DNSKEY"],
  ["hosted.example", "TXT"],
  ["hosted.example", "NS"],
  ["hosted.example", "DNSKEY"],
  ["hosted.example", "CDS"],
  ["hosted.example", "CDNSKEY"],
  ["www.hosted.example", "A"],
  ["mail.hosted.example", "A"],
  ["alias.hosted.example", "A"],
  ["first.hosted.example", "A"],
  ["a.b.deep.hosted.example", "A"],
  ["x.wild.hosted.example", "A"],
  ["y.x.wild.hosted.example", "TXT"],
  ["big.hosted.example", "TXT"],
];

/** No such name, no such type, nothing but names below, a wildcard without the type. */
const DENIED: readonly (readonly [string, string])[] = [
  ["none.hosted.example", "A"],
  ["below.none.hosted.example", "TXT"],
  ["mail.hosted.example", "AAAA"],
  ["www.hosted.example", "AAAA"],
  ["www.shop.example", "TXT"],
  ["deep.hosted.example", "A"],
  ["b.deep.hosted.example", "TXT"],
  ["x.wild.hosted.example", "AAAA"],
  ["sub.hosted.example", "DS"],
  ["gone.hosted.example", "A"],
  ["gtm.cdn.example", "A"],
  ["nothing.cdn.example", "A"],
  ["a.www.shop.example", "A"],
];

describe("delv, which validates by itself", () => {
  const ask = (...words: readonly string[]) => delv({ dir, port: server.port, anchors }, ...words);

  testWith(["delv"], "accepts every kind of answer as fully validated", async () => {
    for (const [name, type] of LIVE) {
      const said = await ask(name, type);
      expect([name, type, said]).toEqual([name, type, expect.stringMatching(/^; fully validated/)]);
    }
  });

  testWith(["delv"], "accepts every kind of denial as fully validated", async () => {
    for (const [name, type] of DENIED) {
      const said = await ask(name, type);
      const secure = expect.stringContaining("fully validated");
      expect([name, type, said]).toEqual([name, type, secure]);
      expect(said).not.toContain("unsigned");
    }
  });

  testWith(["delv"], "accepts the address that new health brings", async () => {
    server.observe(["www.shop.example/one"]);
    await until(async () => (await ask("www.shop.example", "A")).includes("192.0.2.2"), {
      what: "the other server to be answered",
      withinMs: 5000,
      everyMs: 50,
    });
    expect(await ask("www.shop.example", "A")).toStartWith("; fully validated");
    server.observe([]);
  });

  testWith(
    ["delv"],
    "refuses an answer of which one octet was changed, and another zone's key",
    async () => {
      const proxy = await flipping(server.port);
      try {
        const said = await delv({ dir, port: proxy.port, anchors }, "mail.hosted.example", "A");
        expect(said).toMatch(/RRSIG failed to verify|no valid RRSIG/);
        expect(said).not.toContain("; fully validated");
      } finally {
        proxy.close();
      }
      const foreign = anchorsOf([
        makeZoneKey({ zone: "hosted.example", algorithm: 15, state: "active" }),
      ]);
      const said = await delv(
        { dir, port: server.port, anchors: foreign },
        "mail.hosted.example",
        "A",
      );
      expect(said).not.toContain("; fully validated");
    },
  );

  testWith(["delv"], "accepts every state of a roll, by the old key and by the new", async () => {
    const before = server.keys.keys();
    const old = before.find((key) => key.zone === "hosted.example")!;
    const others = before.filter((key) => key !== old);
    const next = makeZoneKey({ zone: "hosted.example", algorithm: 15, state: "prepared" });
    const secure = async (keys: typeof before, trusted: typeof before) => {
      server.keys.set([...others, ...keys]);
      const o = { dir, port: server.port, anchors: anchorsOf(trusted, [trusted[0]!.state]) };
      const tags = keys.map((key) => key.publicKey.slice(0, 40));
      await until(async () => tags.every((tag) => dnskeys().includes(tag)), {
        what: "the keys to be published",
        withinMs: 5000,
        everyMs: 50,
      });
      for (const [name, type] of [
        ["mail.hosted.example", "A"],
        ["none.hosted.example", "A"],
        ["hosted.example", "DNSKEY"],
        ["hosted.example", "CDS"],
      ] as const) {
        const said = await delv(o, name, type);
        expect([name, said]).toEqual([name, expect.stringContaining("fully validated")]);
      }
    };
    const dnskeys = () => {
      const dig = [findProgram("dig")!, "@127.0.0.1", "-p", String(server.port)];
      const words = Bun.spawnSync([...dig, "+short", "+nosplit", "hosted.example", "DNSKEY"]);
      return words.stdout.toString();
    };
    try {
      const retiring = { ...old, state: "retiring" as const };
      const active = { ...next, state: "active" as const };
      await secure([old, next], [old]);
      await secure([retiring, active], [retiring]);
      await secure([retiring, active], [active]);
      await secure([active], [active]);
    } finally {
      server.keys.set(before);
    }
  });
});

/** Passes packets on and changes an address in the answers. */
async function flipping(port: number): Promise<{ port: number; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const upstream = createSocket("udp4");
    upstream.on("message", (answer) => {
      const at = answer.indexOf(Buffer.from([192, 0, 2, 25]));
      if (at >= 0) answer[at + 3] = 99;
      socket.send(answer, from.port, from.address);
      upstream.close();
    });
    upstream.send(query, port, "127.0.0.1");
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, close: () => socket.close() };
}

const why = whyNot(["unbound"]);

describe.skipIf(why !== null)(`unbound${why === null ? "" : ` [skipped: ${why}]`}`, () => {
  const address = loopback()(53);
  let unbound: Program;
  let child: { port: number; close(): void };

  beforeAll(async () => {
    child = await unsignedChild();
    unbound = await startUnbound({
      dir: join(dir, "unbound"),
      address,
      port: UNBOUND_PORT,
      serverPort: server.port,
      anchors,
      stubs: { "sub.hosted.example": child.port },
    });
    await until(async () => (await ask(address, "cdn.example", "SOA").catch(() => null)) !== null, {
      what: "unbound to answer",
      withinMs: 10_000,
      everyMs: 100,
    });
  }, 20_000);
  afterAll(async () => {
    await unbound.kill();
    child.close();
  });

  test("accepts every kind of answer and of denial as secure", async () => {
    for (const [name, type] of LIVE) {
      expect(await outcome(address, name, type)).toEqual([name, type, "NOERROR", true, true]);
    }
    for (const [name, type] of DENIED) {
      const [, , rcode, records, secure] = await outcome(address, name, type);
      const ok = rcode === "NOERROR" || rcode === "NXDOMAIN";
      // A CNAME stays among the answers of a name that is not there.
      const expected = [name, type, true, name.startsWith("gone"), true];
      expect([name, type, ok, records, secure]).toEqual(expected);
    }
  }, 60_000);

  test("takes a delegation without DS as insecure, not as bogus", async () => {
    const [, , rcode, records, secure] = await outcome(address, "x.sub.hosted.example", "A");
    expect([rcode, records, secure]).toEqual(["NOERROR", true, false]);
  }, 30_000);

  test("never denies a live name from denials near it (aggressive NSEC)", async () => {
    const near = LIVE.flatMap(([name]) => [
      [name, "HINFO"],
      [`a.${name}`, "A"],
      [name.replace(/^[^.]+/, "m"), "A"],
      [name.replace(/^[^.]+/, "zz"), "TXT"],
    ]);
    for (let round = 0; round < 3; round++) {
      for (const [name, type] of near) await ask(address, name!, type!);
      for (const [name, type] of LIVE) {
        expect(await outcome(address, name, type)).toEqual([name, type, "NOERROR", true, true]);
      }
    }
  }, 60_000);

  test(`validates ${ANSWERS} answers to random questions`, async () => {
    const rng = seededRng(hash32("dnssec"));
    const of = <T>(list: readonly T[]) => list[Math.floor(rng.float() * list.length)]!;
    const word = () => Math.floor(rng.float() * 1e9).toString(36);
    const zones = ["hosted.example", "cdn.example", "www.shop.example"];
    const types = ["A", "AAAA", "TXT", "CNAME", "SRV", "CAA"];
    const invent = () =>
      `${word()}.${of(["", "wild.", "deep.", "mail.", `${word()}.`])}${of(zones)}`;
    const counts: Record<string, number> = {};
    const insecure: unknown[] = [];
    let left = ANSWERS;
    const worker = async () => {
      while (left-- > 0) {
        const live = rng.float() < 0.3;
        const [name, type] = live
          ? of(LIVE)
          : [rng.float() < 0.3 ? of(LIVE)[0] : invent(), of(types)];
        const [, , rcode, records, secure] = await outcome(address, name, type);
        const kind = `${rcode} ${records ? "with" : "without"} records`;
        counts[kind] = (counts[kind] ?? 0) + 1;
        if (!secure) insecure.push([name, type, rcode]);
      }
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    expect(insecure).toEqual([]);
    const file = process.env.TURNPIKE_EVIDENCE;
    const figures = { answers: ANSWERS, secure: ANSWERS - insecure.length, counts };
    if (file !== undefined) writeFileSync(file, JSON.stringify(figures));
  }, 600_000);
});

/** A name server of a zone that nobody signed. */
async function unsignedChild(): Promise<{ port: number; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const query = dnsPacket.decode(message);
    const [question] = query.questions!;
    const { name } = question!;
    const answers =
      question!.type === "A" ? [{ type: "A" as const, name, ttl: 60, data: "192.0.2.66" }] : [];
    const flags = dnsPacket.AUTHORITATIVE_ANSWER;
    const packet = { type: "response", id: query.id!, flags, questions: [question!], answers };
    socket.send(dnsPacket.encode(packet as dnsPacket.Packet), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, close: () => socket.close() };
}

/** Name, type, response code, whether there are records, and whether they are secure (AD). */
async function outcome(host: string, name: string, type: string) {
  const answer = await ask(host, name, type);
  const records = (answer.answers ?? []).length > 0;
  return [name, type, answer.rcode, records, answer.flag_ad] as const;
}

/** Asks with DO over UDP, again over TCP when the answer is cut. */
async function ask(
  host: string,
  name: string,
  type: string,
): Promise<dnsPacket.DecodedPacket & { rcode: string }> {
  const additionals = [
    { type: "OPT", name: ".", udpPayloadSize: 4096, flags: dnsPacket.DNSSEC_OK, options: [] },
  ];
  const query = dnsPacket.encode({
    type: "query",
    id: 1 + (hash32(`${name}${type}`) % 65_000),
    flags: dnsPacket.RECURSION_DESIRED | dnsPacket.AUTHENTIC_DATA,
    questions: [{ type: type as "A", name }],
    additionals: additionals as unknown as dnsPacket.Answer[],
  });
  const socket = createSocket("udp4");
  try {
    return await new Promise((resolve, reject) => {
      const send = () => socket.send(query, UNBOUND_PORT, host);
      const again = setInterval(send, 2000);
      const limit = setTimeout(() => reject(new Error(`No answer: ${name} ${type}`)), 10_000);
      socket.on("message", (message) => {
        clearInterval(again);
        clearTimeout(limit);
        resolve(dnsPacket.decode(message) as dnsPacket.DecodedPacket & { rcode: string });
      });
      socket.on("error", reject);
      send();
    });
  } finally {
    socket.close();
  }
}
