// Real resolvers in front of us: unbound and BIND find our signed zones from the root down, trust the
// root's key alone, and take every kind of answer and of denial for secure; what they conclude from
// denials denies nothing that lives; and unbound sends the client's subnet on.
// TURNPIKE_DNSSEC_ANSWERS sets how many random questions each validates.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import dnsPacket from "dns-packet";
import { hash32, seededRng } from "../../src/base/rng.ts";
import { dsLine } from "../../src/control/keys.ts";
import { whyNot } from "../lab/needs.ts";
import { type Program, until } from "../lab/process.ts";
import {
  type Delegation,
  ROOT_NEEDS,
  startNamed,
  startRoots,
  startUnbound,
} from "../lab/recursion.ts";
import { BARE, DENIED, LIVE, SIGNED, type SignedServer, startSigned } from "../lab/signed-world.ts";
import { Folder, loopback } from "../lab/turnpike.ts";
import { dial, framed } from "./dns-stage.ts";

interface Place {
  readonly host: string;
  readonly port: number;
}

const ANSWERS = Number(process.env.TURNPIKE_DNSSEC_ANSWERS ?? 300);
const why = whyNot([...ROOT_NEEDS, "unbound", "named"]);
/** Skipped with its reason where a program is missing. */
function story(words: string, run: () => Promise<void>, limitMs: number): void {
  if (why === null) test(words, run, limitMs);
  else test.skip(`${words} [skipped: ${why}]`, run);
}
const folder = new Folder();
const host = loopback();
const ROOT = host(1);
const NODE_A = host(2);
const NODE_B = host(3);
const UNBOUND: Place = { host: host(4), port: 53 };
/** unbound that sends the client's subnet on. */
const SUBNET: Place = { host: host(5), port: 53 };
const BIND: Place = { host: "127.0.0.1", port: freePort() };
const figures: Record<string, unknown> = {};
let server: SignedServer;
const programs: Program[] = [];

/** Ours stand at addresses that resolvers reach; clients of two prefixes are each near one of them. */
function reachable(
  world: Parameters<NonNullable<Parameters<typeof startSigned>[0]>["change"] & {}>[0],
) {
  world.nodes[0]!.addresses = { v4: NODE_A };
  world.nodes[1]!.addresses = { v4: NODE_B, v6: "::1" };
  world.clientGroups.unshift(
    { name: "east", prefixes: ["127.10.0.0/24"], rttMs: { oslo: 5, rome: 80 } },
    { name: "west", prefixes: ["127.11.0.0/24"], rttMs: { oslo: 80, rome: 5 } },
  );
  const glue = world.customers[0]!.zones![0]!.records.find((one) => one.name === "ns.sub");
  glue!.value = ROOT;
}

beforeAll(async () => {
  if (why !== null) return;
  const listen = { hosts: [NODE_A, NODE_B], port: 53 };
  server = await startSigned({ listen, change: reachable });
  const servers = { "ns-a.cdn.example": NODE_A, "ns-b.cdn.example": NODE_B };
  // The DS of a zone below another of ours comes from us.
  const outer = Object.keys(SIGNED).filter((zone) => !zone.endsWith(".hosted.example"));
  const delegations = outer.map((zone): Delegation => {
    const keys = server.keys.keys().filter((key) => key.zone === zone);
    return { zone, servers, ds: keys.map(dsLine) };
  });
  const roots = startRoots({
    dir: folder.join("roots"),
    address: ROOT,
    delegations,
    unsigned: {
      "sub.hosted.example": `@ 60 IN SOA ns.sub.hosted.example. host.example. 1 60 60 60 60
@ 60 IN NS ns.sub.hosted.example.
ns 60 IN A ${ROOT}
x 60 IN A 192.0.2.66
`,
    },
  });
  programs.push(roots.program);
  const o = { rootAddress: ROOT, anchor: roots.anchor };
  const subnetTo = [NODE_A, NODE_B];
  const address = UNBOUND.host;
  programs.push(
    startUnbound({ ...o, dir: folder.join("subnet"), address: SUBNET.host, subnetTo }),
    startUnbound({ ...o, dir: folder.join("unbound"), address, subnetTo: [] }),
    startNamed({ ...o, dir: folder.join("named"), port: BIND.port }),
  );
  for (const resolver of [UNBOUND, SUBNET, BIND]) {
    await until(async () => (await ask(resolver, "cdn.example", "SOA")).rcode === "NOERROR", {
      what: `an answer through ${resolver.host}: ${programs.map((one) => one.output).join("\n")}`,
      withinMs: 20_000,
      everyMs: 100,
    });
  }
}, 60_000);

afterAll(async () => {
  for (const program of programs) await program.kill();
  await server?.dns.stop();
  folder.remove();
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
}, 30_000);

const RESOLVERS = [
  ["unbound", UNBOUND],
  ["unbound with client subnet", SUBNET],
  ["BIND", BIND],
] as const;

describe.each(RESOLVERS)("%s, from the root down", (name, resolver) => {
  story(
    "accepts every kind of answer and of denial as secure",
    async () => {
      for (const [owner, type] of LIVE) {
        const said = await outcome(resolver, owner, type);
        expect([owner, type, said]).toEqual([owner, type, ["NOERROR", true, true]]);
      }
      for (const [owner, type] of DENIED) {
        const [rcode, records, secure] = await outcome(resolver, owner, type);
        const right = rcode === "NOERROR" || rcode === "NXDOMAIN";
        // A CNAME stays among the answers of a name that is not there.
        const expected = [owner, type, true, owner.startsWith("gone"), true];
        expect([owner, type, right, records, secure]).toEqual(expected);
      }
    },
    60_000,
  );

  story(
    "takes a delegation without DS as insecure, not as bogus",
    async () => {
      const said = await outcome(resolver, "x.sub.hosted.example", "A");
      expect(said).toEqual(["NOERROR", true, false]);
      const own = await outcome(resolver, `www.${BARE}`, "A");
      expect(own).toEqual(["NOERROR", true, false]);
    },
    30_000,
  );

  story(
    "never denies a live name from denials near it (aggressive NSEC)",
    async () => {
      const near = LIVE.flatMap(([owner]) => [
        [owner, "HINFO"],
        [`a.${owner}`, "A"],
        [owner.replace(/^[^.]+/, "m"), "A"],
        [owner.replace(/^[^.]+/, "zz"), "TXT"],
      ]);
      for (let round = 0; round < 3; round++) {
        for (const [owner, type] of near) await ask(resolver, owner!, type!);
        for (const [owner, type] of LIVE) {
          const said = await outcome(resolver, owner, type);
          expect([owner, type, said]).toEqual([owner, type, ["NOERROR", true, true]]);
        }
      }
    },
    60_000,
  );

  story(
    "validates random questions",
    async () => {
      const { insecure, counts } = await validateRandom(resolver);
      figures[name] = { answers: ANSWERS, secure: ANSWERS - insecure.length, counts };
      expect(insecure).toEqual([]);
    },
    1_200_000,
  );
});

story(
  "unbound answers from denials that it has, and asks us nothing again (RFC 8198)",
  async () => {
    const owners = ["fresh.hosted.example", "mail.hosted.example"];
    const types = ["SRV", "CAA", "NAPTR", "HINFO", "SSHFP"];
    for (const owner of owners) await ask(UNBOUND, owner, "AAAA");
    const before = await asked();
    for (const type of types) {
      for (const owner of owners) {
        expect(await outcome(UNBOUND, owner, type)).toEqual(["NOERROR", false, true]);
      }
    }
    // None, but where this machine stood still for longer than a denial is kept, which is 5 s.
    expect((await asked()) - before).toBeLessThan(owners.length * types.length);
  },
  30_000,
);

describe("the client's subnet", () => {
  story(
    "is sent on by unbound: each client gets the cache near it, and its neighbours too",
    async () => {
      const addresses = async (from: string) => {
        const { answers = [] } = await ask(SUBNET, "c.cdn.example", "A", from);
        return answers.flatMap((one) => (one.type === "A" ? [one.data] : []));
      };
      // The resolver keeps one answer for each prefix, as far as the scope says.
      for (let round = 0; round < 2; round++) {
        expect(await addresses("127.10.0.7")).toEqual([NODE_A]);
        expect(await addresses("127.11.0.7")).toEqual([NODE_B]);
        expect(await addresses("127.11.0.99")).toEqual([NODE_B]);
        expect(await addresses("127.10.0.99")).toEqual([NODE_A]);
      }
    },
    30_000,
  );
});

/** Questions that came to us so far, once all that were taken have been counted. */
async function asked(): Promise<number> {
  const counts = (part: string) => {
    const lines = server.dns.metrics().split("\n");
    const own = lines.filter((line) => line.startsWith("turnpike_dns_requests_total{"));
    const of = own.filter((line) => line.includes(part));
    return of.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  // One thread takes all, in their order: when this one is counted, all before it are.
  const marks = counts('type="PTR"');
  await ask({ host: NODE_A, port: 53 }, "cdn.example", "PTR");
  await until(() => counts('type="PTR"') > marks, { what: "the mark to be counted" });
  return counts("") - counts('type="PTR"');
}

async function validateRandom(resolver: Place) {
  const rng = seededRng(hash32("dnssec"));
  const of = <T>(list: readonly T[]) => list[Math.floor(rng.float() * list.length)]!;
  const word = () => Math.floor(rng.float() * 1e9).toString(36);
  const zones = ["hosted.example", "cdn.example", "www.shop.example"];
  const types = ["A", "AAAA", "TXT", "CNAME", "SRV", "CAA"];
  const invent = () => `${word()}.${of(["", "wild.", "deep.", "mail.", `${word()}.`])}${of(zones)}`;
  const counts: Record<string, number> = {};
  const insecure: unknown[] = [];
  let left = ANSWERS;
  const worker = async () => {
    while (left-- > 0) {
      const live = rng.float() < 0.3;
      const [owner, type] = live
        ? of(LIVE)
        : [rng.float() < 0.3 ? of(LIVE)[0] : invent(), of(types)];
      const [rcode, records, secure] = await outcome(resolver, owner, type);
      const kind = `${rcode} ${records ? "with" : "without"} records`;
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (!secure) insecure.push([owner, type, rcode]);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return { insecure, counts };
}

type Answer = dnsPacket.DecodedPacket & { readonly rcode: string };

/** Response code, whether there are records, and whether they are secure (AD). */
async function outcome(resolver: Place, owner: string, type: string) {
  const answer = await ask(resolver, owner, type);
  return [answer.rcode, (answer.answers ?? []).length > 0, answer.flag_ad] as const;
}

/** Asks a resolver with DO over UDP, again each two seconds; over TCP when the answer is cut. */
async function ask(resolver: Place, name: string, type: string, from?: string): Promise<Answer> {
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
  const answer = Promise.withResolvers<Answer>();
  const limit = setTimeout(() => answer.reject(new Error(`No answer: ${name} ${type}`)), 15_000);
  const send = () => socket.send(query, resolver.port, resolver.host);
  const again = setInterval(send, 2000);
  socket.on("error", answer.reject);
  socket.on("message", (message) => answer.resolve(dnsPacket.decode(message) as never));
  try {
    if (from !== undefined) await new Promise<void>((done) => socket.bind(0, from, done));
    send();
    const said = await answer.promise;
    return said.flag_tc ? await askTcp(resolver, query) : said;
  } finally {
    clearTimeout(limit);
    clearInterval(again);
    socket.close();
  }
}

async function askTcp(resolver: Place, query: Buffer): Promise<Answer> {
  const { socket, messages, isClosed } = await dial(resolver.port, { host: resolver.host });
  socket.write(framed(query));
  await until(() => messages.length > 0 || isClosed(), { what: "an answer over TCP" });
  socket.destroy();
  return dnsPacket.decode(Buffer.from(messages[0]!)) as Answer;
}

/** Free for UDP and TCP, and none that a client is given. */
function freePort(): number {
  for (let tries = 0; ; tries++) {
    const port = 12_000 + ((process.pid + tries * 997) % 8000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch (error) {
      if (tries > 50) throw error;
    }
  }
}
