import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { seededRng } from "../../src/base/rng.ts";
import type { UsageRow } from "../../src/model/api/mod.ts";
import { addressesOf, ask, serialOf } from "../lab/ask.ts";
import { Load } from "../lab/load.ts";
import { type Program, until } from "../lab/process.ts";
import {
  childOf,
  HOSTNAME,
  PORTS,
  SITE,
  smallNetwork,
  smallNode,
  upArgs,
  ZONE,
} from "../lab/small-network.ts";
import { Stalls } from "../lab/stalls.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

/** How often it is killed; `npm run test:long -- kill-loop` says 50. */
const KILLS = Number(process.env.TURNPIKE_KILLS ?? "5");
const SEED = Number(process.env.TURNPIKE_SEED ?? "20261122");
/** What may be lost of usage with each kill, ms, and what a busy machine took in so long before it. */
const LOSS_MS = 1000;
const STALLS_WITHIN_MS = 5000;
const LOOPS = 2;
const OBJECT_BYTES = 2000;
const OBJECTS = 20;

const folder = new Folder();
const at = loopback();
const NODE = { host: at(1), port: PORTS.dns };
const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch: () =>
    new Response("x".repeat(OBJECT_BYTES), { headers: { "cache-control": "max-age=3600" } }),
});
const stalls = new Stalls(folder.path);
let running: Program | null = null;

afterAll(async () => {
  await stalls.stop();
  await running?.kill();
  await origin.stop(true);
  folder.remove();
});

interface Kill {
  readonly atMs: number;
  readonly mayLoseMs: number;
}

/** What the story knows to be true, to hold the program against after each kill. */
class Truth {
  /** Weights by order of change; the API said yes to all up to `acknowledged`. */
  asked = 0;
  acknowledged = 0;
  /** The highest zone serial that the name server ever answered. */
  serial = 0;
  readonly kills: Kill[] = [];
  readonly dnsMs: number[] = [];
  readonly apiMs: number[] = [];

  weight(n: number): number {
    return 1 + n / 1000;
  }
}

const truth = new Truth();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const data = folder.join("data");
const whole = upArgs(folder, "whole", smallNode({ address: at(1), data }));
const roles = ["dns", "edge", "probe"];
const dataOnly = upArgs(folder, "data-only", smallNode({ address: at(1), data, roles }));

async function startWhole(): Promise<void> {
  const started = performance.now();
  running = startTurnpike(whole);
  await running.says("ready");
  stalls.watch(childOf(running.pid, data, "node"));
  truth.apiMs.push(performance.now() - started);
}

async function firstStart(): Promise<void> {
  await startWhole();
  await api.signIn();
  await api.must("POST", "/apply", { network: smallNetwork({ address: at(1), origins: [at(2)] }) });
  await until(async () => (await fetchOne()).status === 200, { what: "the first object" });
}

/** Requests of the story itself, besides the load's. */
let ownRequests = 0;

function fetchOne(): Promise<Response> {
  ownRequests++;
  const url = `http://${at(1)}:${PORTS.http}/${HOSTNAME}/object-0`;
  return fetch(url, { headers: { host: `c.${ZONE}` }, keepalive: false });
}

/** Changes the weight again and again, and watches the serial, until told to stop. */
function keepChanging(): { stop(): Promise<void> } {
  let stopped = false;
  const loop = async () => {
    while (!stopped) {
      const n = ++truth.asked;
      const body = { weight: truth.weight(n) };
      const answer = await api.call("PATCH", `${SITE}/origins/o1`, body).catch(() => null);
      if (answer === null) break;
      expect([n, answer.status, answer.body]).toEqual([n, 200, expect.anything()]);
      truth.acknowledged = n;
      const seen = await serialOf(NODE, ZONE).catch(() => 0);
      truth.serial = Math.max(truth.serial, seen);
      await Bun.sleep(10);
    }
  };
  const done = loop();
  return {
    stop: () => {
      stopped = true;
      return done;
    },
  };
}

/** The data roles alone: what was answered before the kill is answered from this node's own disk. */
async function checkWithoutControl(): Promise<void> {
  const started = performance.now();
  running = startTurnpike(dataOnly);
  let serial = 0;
  const answers = async () => {
    serial = await serialOf(NODE, ZONE, 200);
    return serial > 0;
  };
  await until(answers, { what: "the name server to answer without control" });
  stalls.watch(childOf(running.pid, data, "node"));
  truth.dnsMs.push(performance.now() - started);
  expect(serial).toBeGreaterThanOrEqual(truth.serial);
  const cache = await ask(NODE, `c.${ZONE}`, "A");
  expect(addressesOf(cache)).toEqual([at(1)]);
  await until(async () => (await fetchOne()).status === 200, { what: "an object without control" });
  await killNow();
}

async function checkChanges(): Promise<void> {
  const view = await api.must("GET", SITE.replace(/\/[^/]+$/, ""));
  const weight = view[0].site.origins[0].weight;
  const unsure = truth.asked - truth.acknowledged;
  const allowed = Array.from({ length: unsure + 1 }, (_, i) =>
    truth.weight(truth.acknowledged + i),
  );
  expect(allowed).toContain(weight);
  const [latest] = await api.must("GET", "/snapshots");
  await until(async () => (await serialOf(NODE, ZONE)) === latest.number, {
    what: `the name server to serve snapshot ${latest.number}`,
  });
}

async function killNow(): Promise<void> {
  await running?.kill();
  const atMs = performance.now();
  truth.kills.push({ atMs, mayLoseMs: LOSS_MS + stalls.before(atMs, STALLS_WITHIN_MS) });
}

/** Kills in the middle of a start now and then, else in the middle of work. */
async function workAndKill(float: () => number, before: () => Promise<void>): Promise<void> {
  const inStart = float() < 0.2;
  if (inStart) {
    await running?.stop();
    running = startTurnpike(whole);
  }
  const changes = inStart ? null : keepChanging();
  await Bun.sleep(inStart ? float() * 600 : 100 + float() * 1400);
  await before();
  await killNow();
  await changes?.stop();
}

interface Totals {
  readonly requests: number;
  readonly bytes: number;
}

/** A batch is sent on when it is 5 s old: after this long without news nothing is on its way. */
const SETTLED_MS = 6500;

/** The ledger's totals, once they stand still, or soon after they have reached what is expected. */
async function settledUsage(expected: number): Promise<Totals> {
  let last = "";
  let since = performance.now();
  let sum: Totals = { requests: 0, bytes: 0 };
  const still = async () => {
    const rows: UsageRow[] = await api.must("GET", "/customers/shop/usage");
    sum = {
      requests: rows.reduce((all, row) => all + row.requests, 0),
      bytes: rows.reduce((all, row) => all + row.bytesOut, 0),
    };
    if (JSON.stringify(sum) !== last) since = performance.now();
    last = JSON.stringify(sum);
    return performance.now() - since > (sum.requests >= expected ? 500 : SETTLED_MS);
  };
  await until(still, { what: "the ledger to settle", withinMs: 30_000, everyMs: 100 });
  return sum;
}

/** Holds what the ledger gained in one turn against what was received in it. */
class Books {
  readonly #load: Load;
  #ledger: Totals = { requests: 0, bytes: 0 };
  #received = 0;
  #kills = 0;
  #own = 0;
  /** Bodies that were received and are not in the ledger, over all turns. */
  lost = 0;

  constructor(load: Load) {
    this.#load = load;
  }

  /** `quiet`: nothing was sent in the second before the kill, so nothing at all may be lost. */
  async close(quiet: boolean): Promise<void> {
    await this.#load.pause();
    const received = this.#load.received.slice(this.#received);
    const ledger = await settledUsage(this.#ledger.requests + received.length);
    const gained = ledger.requests - this.#ledger.requests;
    const kills = truth.kills.slice(this.#kills);
    const lateOf = (of: (kill: Kill) => number) =>
      received.filter((one) =>
        kills.some((kill) => one.atMs > kill.atMs - of(kill) && one.atMs <= kill.atMs),
      );
    if (quiet) expect(lateOf(() => LOSS_MS)).toEqual([]);
    const mayBeLost = lateOf((kill) => kill.mayLoseMs);
    const uncertain = ownRequests - this.#own + kills.length * LOOPS;
    expect(gained).toBeLessThanOrEqual(received.length + uncertain);
    expect(gained).toBeGreaterThanOrEqual(received.length - mayBeLost.length);
    const gainedBytes = ledger.bytes - this.#ledger.bytes;
    expect(gainedBytes).toBeLessThanOrEqual((received.length + uncertain) * OBJECT_BYTES);
    expect(gainedBytes).toBeGreaterThanOrEqual((received.length - mayBeLost.length) * OBJECT_BYTES);
    this.lost += Math.max(0, received.length - gained);
    this.#ledger = ledger;
    this.#received += received.length;
    this.#kills = truth.kills.length;
    this.#own = ownRequests;
  }
}

/** One turn: work, kill, the data roles alone, kill, everything again, and the books. */
async function turn(load: Load, books: Books, float: () => number): Promise<void> {
  const quiet = float() < 0.5;
  load.resume();
  await workAndKill(float, async () => {
    if (!quiet) return;
    await load.pause();
    await Bun.sleep(LOSS_MS + float() * 500);
  });
  await checkWithoutControl();
  await startWhole();
  await checkChanges();
  await books.close(quiet);
}

const title = `kill -9 at ${KILLS} random moments: the last snapshot serves, acknowledged changes stay, usage is counted once`;

test(
  title,
  async () => {
    const { float } = seededRng(SEED);
    await firstStart();
    const load = new Load({
      loops: LOOPS,
      pauseMs: 5,
      host: `c.${ZONE}`,
      url: (n) => `http://${at(1)}:${PORTS.http}/${HOSTNAME}/object-${n % OBJECTS}`,
      bytes: OBJECT_BYTES,
    });
    const books = new Books(load);
    for (let i = 0; i < KILLS; i++) await turn(load, books, float);
    await load.stop();
    expect(load.wrong).toEqual([]);
    const figures = {
      turns: KILLS,
      kills: truth.kills.length,
      seed: SEED,
      changesAcknowledged: truth.acknowledged,
      bodiesReceived: load.received.length,
      lostInAll: books.lost,
      /** Medians: what a kill might lose, with what the machine took. */
      mayLoseMs: middle(truth.kills.map((kill) => kill.mayLoseMs)),
      dnsAfterStartMs: middle(truth.dnsMs),
      readyAfterStartMs: middle(truth.apiMs),
    };
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    process.stdout.write(`kill loop: ${JSON.stringify(figures)}\n`);
  },
  Math.max(300, KILLS * 20) * 1000,
);

function middle(values: readonly number[]): number {
  return Math.round([...values].sort((a, b) => a - b)[values.length >> 1] ?? 0);
}
