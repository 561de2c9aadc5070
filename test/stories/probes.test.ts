import { afterAll, beforeAll, expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { realRng } from "../../src/base/real/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import { type Exporter, Machine, startExporter } from "../../src/cli/demo/origin/exporter.ts";
import { type FtpServer, startFtp } from "../../src/cli/demo/origin/ftp.ts";
import { type Assignment, NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Feed } from "../../src/model/feed.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../src/model/health.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { type Probe, startProbe } from "../../src/probe/mod.ts";
import { SMALL, snapshotOf } from "../fixtures/network.ts";
import { Stall } from "../lab/stall.ts";

/** Three vantages in one process measure real servers on addresses of their own. */
const HOSTNAME = "www.shop.example";
const ORIGINS = ["a", "b", "c"] as const;
const PROBES = ["fra-1", "fra-2", "nyc-1"] as const;
type OriginName = (typeof ORIGINS)[number];

interface WebServer {
  delayMs: number;
  requests: number;
  readonly port: number;
  stop(): Promise<void>;
}

interface Machinery {
  readonly web: WebServer;
  readonly machine: Machine;
  readonly exporter: Exporter;
  readonly ftp: FtpServer;
}

const bus = new LocalBus((error) => {
  throw error;
});
const origins = new Map<OriginName, Machinery>();
const probes = new Map<string, Probe>();
const edges: WebServer[] = [];
const listeners = new Set<(snapshot: Snapshot) => void>();
let resolver: { port: number; close(): void } | null = null;
let snapshot: Snapshot;
let health: Health = NO_HEALTH;
let assignment: Assignment = NO_ASSIGNMENT;
const numbers: number[] = [];
const judges: string[] = [];
const onHealth = new Set<() => void>();

const feed: Feed = {
  snapshot: () => snapshot,
  health: () => health,
  assignment: () => assignment,
  onSnapshot: (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  onHealth: () => () => {},
};

function startWeb(host: string, port: number): WebServer {
  const state = { delayMs: 0, requests: 0 };
  const server = Bun.serve({
    hostname: host,
    port,
    async fetch() {
      state.requests++;
      if (state.delayMs > 0) await Bun.sleep(state.delayMs);
      return new Response("ok");
    },
  });
  const stop = () => server.stop(true);
  return Object.assign(state, { port: server.port ?? port, stop });
}

function startMachinery(name: OriginName, port: number): Machinery {
  const host = addressOf(name);
  const web = startWeb(host, port);
  const machine = new Machine(realClock, { cpu: 0.1, memory: 0.5, networkBytesPerSec: 0 });
  const file = new Uint8Array(1000);
  const ftp = startFtp({ host, port: 0, file: (path) => (path === "/probe" ? file : null) });
  return { web, machine, exporter: startExporter(machine, host, 0), ftp };
}

function addressOf(name: OriginName): string {
  return `127.81.1.${ORIGINS.indexOf(name) + 1}`;
}

async function startResolver(): Promise<{ port: number; close(): void }> {
  return await Bun.udpSocket({
    hostname: "127.81.3.1",
    socket: {
      data(own, bytes, port, address) {
        const answer = new Uint8Array(bytes);
        answer[2] = 0x80;
        // Farther from the pop in New York, as the address asking tells.
        setTimeout(() => own.send(answer, port, address), address === "127.81.2.3" ? 60 : 10);
      },
    },
  });
}

/** The network as its operator would write it; what a test leaves out is not checked. */
function compiled(number: number, named: readonly OriginName[]): Snapshot {
  const ftpPort = (name: OriginName) => origins.get(name)?.ftp.port;
  return snapshotOf(
    {
      ...SMALL,
      ports: { http: edges[0]?.port },
      clientGroups: [
        { name: "berlin", prefixes: ["203.0.113.0/24"], resolver: `127.81.3.1:${resolver?.port}` },
      ],
      nodes: PROBES.map((name, i) => ({
        name,
        pop: name.slice(0, 3),
        roles: ["edge", "probe"],
        addresses: { v4: `127.81.2.${i + 1}` },
      })),
      customers: [
        {
          name: "shop",
          plan: "flat",
          sites: [
            {
              hostname: HOSTNAME,
              port: origins.get("a")?.web.port,
              check: { ftp: { path: "/probe" } },
              origins: named.map((name) => ({
                name,
                v4: addressOf(name),
                ftpPort: ftpPort(name),
                ...(name === "c"
                  ? {}
                  : {
                      exporter: `http://${addressOf(name)}:${origins.get(name)?.exporter.port}/metrics`,
                    }),
              })),
            },
          ],
        },
      ],
    },
    number,
  );
}

function publish(next: Snapshot): void {
  snapshot = next;
  for (const listener of [...listeners]) listener(next);
}

function startOne(node: string): Promise<Probe> {
  const world = { feed, bus, clock: realClock, rng: realRng, log: silentLog };
  return startProbe({ node, pop: node.slice(0, 3), ...world });
}

function target(id: string): TargetHealth | undefined {
  return health.targets[id];
}

const origin = (name: OriginName) => target(`${HOSTNAME}/${name}`);

const WAIT_MS = 30_000;

/** Waits until health on the bus says so; how long it took without this process's stalls, ms. */
function until(what: string, holds: () => boolean): Promise<number> {
  const startMs = realClock.monoMs();
  const stall = new Stall();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      onHealth.delete(look);
      stall.stop();
      reject(new Error(`${what}: not within ${WAIT_MS} ms: ${JSON.stringify(health.targets)}`));
    }, WAIT_MS);
    const look = () => {
      if (!holds()) return;
      clearTimeout(timer);
      onHealth.delete(look);
      stall.stop();
      resolve(realClock.monoMs() - startMs - stall.lostMs);
    };
    onHealth.add(look);
    look();
  });
}

beforeAll(async () => {
  const first = startMachinery("a", 0);
  origins.set("a", first);
  for (const name of ["b", "c"] as const) origins.set(name, startMachinery(name, first.web.port));
  const edge = startWeb("127.81.2.1", 0);
  edges.push(edge, startWeb("127.81.2.2", edge.port), startWeb("127.81.2.3", edge.port));
  resolver = await startResolver();
  bus.subscribe("health", (message) => {
    health = message.health;
    assignment = message.assignment;
    numbers.push(health.number);
    judges.push(health.judge);
    for (const look of [...onHealth]) look();
  });
  publish(compiled(1, ORIGINS));
  for (const node of PROBES) {
    probes.set(node, await startOne(node));
  }
});

afterAll(async () => {
  for (const probe of probes.values()) await probe.stop();
  for (const { web, exporter, ftp } of origins.values()) {
    await web.stop();
    await exporter.stop();
    await ftp.stop();
  }
  for (const edge of edges) await edge.stop();
  resolver?.close();
  bus.close();
});

test("all servers and caches are up soon, seen by three vantages, and one probe judges", async () => {
  const up = () => {
    const all = Object.values(health.targets);
    return all.length === 6 && all.every((one) => one.state === "up" && one.views.length === 3);
  };
  await until("all up", up);
  expect(new Set(judges)).toEqual(new Set(["fra-1"]));
  expect(origin("a")?.views.map((view) => view.vantage)).toEqual([...PROBES]);
  expect(origin("a")?.v4Up).toBe(true);
  expect(origin("a")?.v6Up).toBe(false);
}, 40_000);

test("loads come from the exporter, and a rise of cpu or memory names its source", async () => {
  const known = () => {
    const { load = 0, loadFrom } = origin("a") ?? {};
    return loadFrom === "cpu" && Math.abs(load - 0.1) < 0.03;
  };
  await until("cpu 0.1", known);
  expect(
    origin("a")
      ?.sources.map((source) => source.kind)
      .sort(),
  ).toEqual(["cpu", "ftp", "http", "memory", "network"]);
  origins.get("a")?.machine.set({ cpu: 0.9 });
  const tookMs = await until("cpu 0.9", () => (origin("a")?.load ?? 0) > 0.8);
  expect(origin("a")?.loadFrom).toBe("cpu");
  origins.get("a")?.machine.set({ cpu: 0.1, memory: 0.98 });
  await until("memory", () => origin("a")?.loadFrom === "memory");
  expect(origin("a")?.load).toBeCloseTo(0.9, 1);
  origins.get("a")?.machine.set({ memory: 0.5 });
  await until("calm", () => (origin("a")?.load ?? 1) < 0.15);
  expect(tookMs).toBeLessThan(5000);
}, 90_000);

test("a server without an exporter is known by its response times", async () => {
  const known = () => origin("c")?.loadKnown === true && (origin("c")?.load ?? 1) < 0.1;
  await until("idle", known);
  expect(["http", "ftp"]).toContain(origin("c")?.loadFrom ?? "none");
}, 40_000);

test("a slow HTTP answer raises load, within about 3 s", async () => {
  const web = origins.get("c")?.web;
  if (web !== undefined) web.delayMs = 350;
  const byHttp = () => (origin("c")?.load ?? 0) > 0.5 && origin("c")?.loadFrom === "http";
  expect(await until("slow http", byHttp)).toBeLessThan(5000);
  expect(origin("c")?.sources[0]?.detail).toMatch(/^ewma \d+ ms, idle .* ms, limit 500 ms/);
  if (web !== undefined) web.delayMs = 0;
  await until("fast again", () => (origin("c")?.load ?? 1) < 0.1);
}, 70_000);

test("a slow FTP answer raises load and is named", async () => {
  const ftp = origins.get("c")?.ftp;
  if (ftp !== undefined) ftp.delayMs = 350;
  const byFtp = () => (origin("c")?.load ?? 0) > 0.5 && origin("c")?.loadFrom === "ftp";
  expect(await until("slow ftp", byFtp)).toBeLessThan(5000);
  if (ftp !== undefined) ftp.delayMs = 0;
  await until("fast again", () => (origin("c")?.load ?? 1) < 0.1);
}, 70_000);

test("latency to client groups is measured from each pop", async () => {
  const measured = () => (health.rttMs.berlin?.nyc ?? 0) > 0;
  await until("rtt", measured);
  const { fra = 0, nyc = 0 } = health.rttMs.berlin ?? {};
  expect(fra).toBeGreaterThanOrEqual(9);
  expect(nyc).toBeGreaterThanOrEqual(59);
  expect(fra).toBeLessThan(nyc);
}, 40_000);

test("an origin that dies is published as down within fall * interval + 1 s", async () => {
  const port = origins.get("b")?.web.port ?? 0;
  await origins.get("b")?.web.stop();
  const tookMs = await until("down", () => origin("b")?.state === "down");
  const views = origin("b")?.views ?? [];
  expect(views.map((view) => view.failure)).toContain("refused");
  expect(Object.values(assignment.origins[HOSTNAME] ?? {})).not.toContain(`${HOSTNAME}/b`);
  expect(tookMs).toBeLessThan(3000);
  expect(health.held).toBeNull();
  const web = startWeb(addressOf("b"), port);
  origins.set("b", { ...(origins.get("b") as Machinery), web });
  await until("up again", () => origin("b")?.state === "up");
}, 70_000);

test("an origin that accepts and then says nothing is down soon, and its words are timeout", async () => {
  const web = origins.get("c")?.web;
  if (web !== undefined) web.delayMs = 10_000;
  // The last check before it may be a whole interval ago; then two that take their whole timeout.
  const tookMs = await until("down", () => origin("c")?.state === "down");
  expect(tookMs).toBeLessThan(1050 + 2 * 900 + 500);
  expect(origin("c")?.views.map((view) => view.failure)).toContain("timeout");
  if (web !== undefined) web.delayMs = 0;
  await until("up again", () => origin("c")?.state === "up");
}, 70_000);

test("what a new snapshot drops is neither checked nor judged any more", async () => {
  publish(compiled(2, ["a", "b"]));
  await until("dropped", () => health.snapshot === 2 && origin("c") === undefined);
  const web = origins.get("c")?.web;
  const before = web?.requests ?? 0;
  const { number } = health;
  await until("two ticks", () => health.number >= number + 2);
  expect(web?.requests).toBe(before);
  expect(origin("a")?.state).toBe("up");
}, 70_000);

test("another probe judges when the judge stops, and gives way when it is back", async () => {
  await probes.get("fra-1")?.stop();
  probes.delete("fra-1");
  const tookMs = await until("next judge", () => health.judge === "fra-2");
  expect(tookMs).toBeLessThan(2000);
  expect(origin("a")?.state).toBe("up");
  expect(origin("a")?.loadKnown).toBe(true);
  const known: boolean[] = [];
  const watch = () => {
    known.push(origin("a")?.state === "up" && origin("a")?.loadKnown === true);
  };
  onHealth.add(watch);
  probes.set("fra-1", await startOne("fra-1"));
  await until("first judge again", () => health.judge === "fra-1");
  const { number } = health;
  await until("a tick", () => health.number > number);
  onHealth.delete(watch);
  expect(known).not.toContain(false);
  expect(health.judge).toBe("fra-1");
  for (let i = 1; i < numbers.length; i++) {
    expect(numbers[i] ?? 0).toBeGreaterThan(numbers[i - 1] ?? 0);
  }
}, 70_000);
