import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { Fault } from "../../src/base/fault.ts";
import { type ControlWorld, OPERATOR, startControlWorld } from "../../src/control/control-world.ts";
import type { Applied, Live, ProblemDetails, SnapshotRow } from "../../src/model/api/mod.ts";
import type { NameResolver } from "../../src/model/resolver.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { type Message, makeQuery, RCODE, TYPE } from "../../src/wire/dns/mod.ts";
import { type Recorder, startRecorder } from "../lab/recorder.ts";
import { addressesOf, askUdp, clean, HandFeed, query, startServer } from "./dns-stage.ts";
import { healthOf, Stage, snapshotOf } from "./edge-stage.ts";

// A world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(60_000);

const NET = "127.66";
const SHOP = "www.shop.example";
/** Another one in each test. */
let HOST = "";
/** Web servers that may be asked, and one inside that nobody may reach. */
const [FIRST, SECOND, INSIDE] = [`${NET}.1.1`, `${NET}.1.2`, `${NET}.200.1`];

/** Answers as a name server of a customer's may: something else each time, by a chain, or not at all. */
class Moody implements NameResolver {
  /** `name type` -> addresses, or an alias before them. */
  readonly table = new Map<string, { ttlSec: number; addresses: string[]; cname?: string }>();
  silent = false;
  asked = 0;

  say(host: string, v4: string[], o: { v6?: string[]; ttlSec?: number; cname?: string } = {}) {
    const { v6 = [], ttlSec = 60, cname } = o;
    const more = { ttlSec, ...(cname === undefined ? {} : { cname }) };
    this.table.set(`${host} ${TYPE.A}`, { ...more, addresses: v4 });
    this.table.set(`${host} ${TYPE.AAAA}`, { ...more, addresses: v6 });
  }

  async lookup(name: string, type: number): Promise<Message> {
    this.asked++;
    if (this.silent) throw new Fault("bus-timeout", name);
    const found = this.table.get(`${name} ${type}`);
    const query = makeQuery(1, name, type);
    if (found === undefined) return { ...query, rcode: RCODE.NXDOMAIN };
    const { ttlSec, cname } = found;
    const answers = found.addresses.map((address) => {
      const data = { kind: "address", address } as const;
      return { name: cname ?? name, type, class: 1, ttlSec, data };
    });
    if (cname === undefined) return { ...query, answers };
    const data = { kind: "name", name: cname } as const;
    return { ...query, answers: [{ name, type: TYPE.CNAME, class: 1, ttlSec, data }, ...answers] };
  }

  lookupAt(_: string, name: string): Promise<Message> {
    return Promise.reject(new Fault("bus-timeout", name));
  }
}

let moody: Moody;
let world: ControlWorld;
let headers: Record<string, string> = {};
let stage: Stage;
let servers: Recorder[] = [];
let inside: Recorder;

const yaml = (origins: string) => `
zone: cdn.example
allowOriginRanges: [${NET}.1.0/24]
pops: [{name: lon}]
nodes: [{name: lon-1, pop: lon, roles: [dns, edge], addresses: {v4: 8.8.4.4}}]
plans: [{name: flat, title: Flat, currency: EUR, kind: fixed, monthly: "10.00"}]
customers:
  - name: shop
    plan: flat
    sites:
      - hostname: ${SHOP}
        onboarding: delegation
        port: ${inside.port}
        origins: [${origins}]
`;
const named = () => `{name: a, host: ${HOST}}`;

const post = <T>(text: string) =>
  world.call<T>("POST", "/apply", { headers, body: { yaml: text } });

async function apply(origins: string): Promise<Applied> {
  const answer = await post<Applied>(yaml(origins));
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body;
}

async function refused(origins: string): Promise<string[]> {
  const answer = await post<ProblemDetails>(yaml(origins));
  expect(answer.status).toBe(422);
  return answer.body.problems.map((p) => `${p.path}: ${p.message} ${p.received}`);
}

beforeAll(async () => {
  inside = await startRecorder(INSIDE);
  const { port } = inside;
  servers = [await startRecorder(FIRST, port), await startRecorder(SECOND, port)];
  stage = new Stage(snapshotOf([]), `${NET}.9.3`);
  await stage.start();
  moody = new Moody();
  world = await startControlWorld({ resolver: moody });
  headers = await world.token(OPERATOR);
});
afterAll(async () => {
  await world.stop();
  await stage.stop();
  await Promise.all([...servers, inside].map((one) => one.stop()));
});
beforeEach(async () => {
  moody.table.clear();
  moody.silent = false;
  HOST = `web-${++tests}.provider.example`;
  await apply("");
  since = newest().number;
  for (const one of [...servers, inside]) one.clear();
});
let tests = 0;
/** The number of the snapshot before a test; how many were published in it. */
let since = 0;
const published = () => newest().number - since;

/** What a cache gets of the newest snapshot, and from whom. */
async function fetched(path: string): Promise<string> {
  stage.health = healthOf({ [`${SHOP}/a`]: 0.1 });
  stage.publish(newest());
  const before = servers.map((one) => one.requests.length);
  const said = await stage.get(`http://${SHOP}.cdn.example${path}`);
  const from = servers.findIndex((one, i) => one.requests.length > before[i]!);
  return `${said.status} from ${servers[from]?.address ?? "nobody"}`;
}

const newest = () => world.published.at(-1) as Snapshot;
const addresses = () => newest().origins.map(({ v4, v6 }) => [v4, v6].filter(Boolean).join(" "));
const told = async () => {
  const path = `/customers/shop/sites/${SHOP}/live`;
  const [one] = (await world.call<Live>("GET", path, { headers })).body.origins;
  return one;
};
/** The time until an answer's end passes, and what is due is looked up. */
async function pass(sec: number): Promise<void> {
  world.clock.advance(sec * 1000);
  await world.control.lookUpHosts();
}

describe("a web server that is named by its host name", () => {
  test("is asked by caches, and answered by name servers, at the address that the name leads to", async () => {
    moody.say(HOST, [FIRST], { cname: "lb.provider.example" });
    await apply(named());
    expect(await fetched("/x")).toBe(`200 from ${FIRST}`);
    const [request] = servers[0]!.requests;
    expect(request!.fields.find(([name]) => name === "host")?.[1]).toContain(SHOP);
    const snapshot = newest();
    const health = healthOf({ [`${SHOP}/a`]: 0.1 });
    const dns = await startServer({}, { feed: new HandFeed(snapshot, health) });
    const answer = await askUdp(dns.port, query(SHOP));
    await clean();
    expect(addressesOf(answer)).toEqual([FIRST]);
    expect(await told()).toMatchObject({ host: HOST, v4: FIRST, v6: null, hostProblem: null });
  });

  test("is looked up again when its answer ends, between ten seconds and an hour, and followed", async () => {
    moody.say(HOST, [FIRST], { ttlSec: 0 });
    await apply(named());
    const asked = moody.asked;
    await pass(9);
    expect(moody.asked).toBe(asked);
    moody.say(HOST, [SECOND], { ttlSec: 86_400 });
    await pass(1);
    expect([addresses(), published()]).toEqual([[SECOND], 2]);
    expect(await fetched("/moved")).toBe(`200 from ${SECOND}`);
    const later = moody.asked;
    await pass(3599);
    expect(moody.asked).toBe(later);
    await pass(1);
    expect(moody.asked).toBe(later + 2);
  });

  test("that moves all the time is followed once a minute, and takes no snapshot's place", async () => {
    moody.say(HOST, [FIRST], { ttlSec: 0 });
    await apply(named());
    await apply(`{name: a, host: ${HOST}, weight: 2}`);
    for (let i = 0; i < 60; i++) {
      moody.say(HOST, [i % 2 === 0 ? SECOND : FIRST], { ttlSec: 0 });
      await pass(10);
    }
    // Sixty answers in ten minutes: a move a minute at most.
    expect([published() > 2 + 5, published() <= 2 + 10]).toEqual([true, true]);
    const rows = await world.call<SnapshotRow[]>("GET", "/snapshots", { headers });
    const kept = rows.body.map((row) => row.number).slice(0, 3);
    expect(kept).toEqual([newest().number, since + 2, since + 1]);
  });

  test("keeps its address while that is among the answers, in whatever order they come", async () => {
    moody.say(HOST, [FIRST, SECOND]);
    await apply(named());
    moody.say(HOST, [SECOND, `${NET}.1.0`, FIRST]);
    await pass(60);
    expect([addresses(), published()]).toEqual([[FIRST], 1]);
  });

  test("keeps its address when no resolver answers, also over a restart, and that is told", async () => {
    moody.say(HOST, [FIRST]);
    await apply(named());
    moody.silent = true;
    await pass(60);
    expect((await told())?.hostProblem).toBe("no resolver answers for it");
    await world.restart();
    await pass(60);
    expect([addresses(), published()]).toEqual([[FIRST], 1]);
    // An edit of something else does not wait for it either.
    expect((await apply(`{name: a, host: ${HOST}, weight: 2}`)).snapshot).toBe(since + 2);
    expect(addresses()).toEqual([FIRST]);
    moody.silent = false;
    moody.say(HOST, [SECOND]);
    await pass(60);
    expect([addresses(), (await told())?.hostProblem]).toEqual([[SECOND], null]);
  });

  test("is refused with all that is wrong with it", async () => {
    expect(await refused(named())).toEqual([
      expect.stringContaining(
        "origins.0.host: expected the name of a web server: it has no address",
      ),
    ]);
    moody.silent = true;
    expect((await refused(named()))[0]).toContain("no resolver answers");
    moody.silent = false;
    const both = `{name: a, host: ${HOST}, v4: ${FIRST}}`;
    expect((await refused(both))[0]).toContain("or a host name in place of both");
    moody.say("x.cdn.example", [FIRST]);
    moody.say(SHOP, [FIRST]);
    for (const host of ["x.cdn.example", SHOP]) {
      const [problem] = await refused(`{name: a, host: ${host}}`);
      expect(problem).toContain("apart from those that this network answers for");
    }
    moody.say("node.example", ["8.8.4.4"]);
    expect((await refused("{name: a, host: node.example}"))[0]).toContain("a node of this network");
    expect(published()).toBe(0);
  });
});

describe("a name that leads inside (T2)", () => {
  test("is refused when it is entered, by itself, by a chain, and in any family", async () => {
    const ways = [
      { v4: [INSIDE] },
      { v4: ["169.254.169.254"], cname: "metadata.internal.example" },
      { v4: [], v6: ["::1"] },
      { v4: [], v6: [`::ffff:${INSIDE}`] },
      { v4: ["10.0.0.1", INSIDE], v6: ["fd00::1"] },
    ];
    for (const { v4, ...more } of ways) {
      moody.say(HOST, v4, more);
      expect((await refused(named()))[0]).toContain("origins.0.host: expected the name");
    }
    expect([published(), inside.connections()]).toEqual([0, 0]);
  });

  test("among others is left out, and told", async () => {
    moody.say(HOST, [INSIDE, FIRST], { v6: ["::1"] });
    await apply(named());
    expect(addresses()).toEqual([FIRST]);
    expect(await fetched("/mixed")).toBe(`200 from ${FIRST}`);
    expect((await told())?.hostProblem).toContain("an address is in a block");
    expect(inside.connections()).toBe(0);
  });

  test("from one answer to the next is never followed: what was vetted is what is connected to", async () => {
    moody.say(HOST, [FIRST], { ttlSec: 0 });
    await apply(named());
    for (let i = 0; i < 5; i++) {
      moody.say(HOST, [INSIDE], { ttlSec: 0 });
      expect(await fetched(`/flip-${i}`)).toBe(`200 from ${FIRST}`);
      await pass(60);
      expect(await fetched(`/flipped-${i}`)).toBe(`200 from ${FIRST}`);
      expect((await told())?.hostProblem).toContain("an address is in a block");
      moody.say(HOST, [FIRST], { ttlSec: 0 });
      await pass(60);
      expect((await told())?.hostProblem).toBeNull();
    }
    expect([addresses(), published(), inside.connections()]).toEqual([[FIRST], 1, 0]);
  });

  test("in a snapshot that no check would let through is still not connected to", async () => {
    moody.say(HOST, [FIRST]);
    await apply(named());
    const snapshot = newest();
    const origins = snapshot.origins.map((origin) => ({ ...origin, v4: INSIDE }));
    stage.publish({ ...snapshot, origins });
    expect((await stage.get(`http://${SHOP}.cdn.example/forged`)).status).toBe(503);
    expect(inside.connections()).toBe(0);
  });
});
