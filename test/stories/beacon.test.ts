import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { type Exporter, Machine, startExporter } from "../../src/cli/demo/origin/exporter.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import type { Explanation } from "../../src/model/api/mod.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { addressesOf, ask } from "../lab/ask.ts";
import { findProgram, whyNot } from "../lab/needs.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, ZONE } from "../lab/small-network.ts";
import { Turncoat } from "../lab/turncoat.ts";
import { Api, Folder, loopback } from "../lab/turnpike.ts";

const why = whyNot(["chromium"]);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;
const AWAY_MS = 150;
const NAMES = ["one", "two"] as const;
const EXPORTER_PORT = 9100;
const CACHES = `c.${ZONE}`;

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const links: Turncoat[] = [];
const exporters: Exporter[] = [];
let fleet: Fleet | null = null;
let browser: Browser | null = null;
let page: Bun.Server<undefined> | null = null;

function publicAddress(i: number): string {
  return at(11 + i);
}

function networkFile(): Record<string, unknown> {
  const small = smallNetwork({ address: at(1), origins: [] });
  const nodes = NAMES.map((name, i) => ({
    name,
    pop: i === 0 ? "here" : "there",
    roles: i === 0 ? ["control", "dns", "edge", "probe"] : ["edge"],
    addresses: { v4: publicAddress(i) },
    limitMs: 5000,
    measure: { exporter: `http://${publicAddress(i)}:${EXPORTER_PORT}/metrics` },
  }));
  const site = {
    hostname: HOSTNAME,
    port: PORTS.origin,
    beacon: true,
    origins: [{ name: "o1", v4: at(20) }],
  };
  return {
    ...small,
    nodes,
    pops: [{ name: "here" }, { name: "there" }],
    // The file is wrong: it is the other pop that is near.
    clientGroups: [{ name: "office", prefixes: ["127.0.0.0/8"], rttMs: { here: 170, there: 20 } }],
    customers: [{ name: "shop", plan: "by-use", sites: [site] }],
  };
}

const PAGE = `<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<script async src="http://${CACHES}:${PORTS.http}/.well-known/turnpike/beacon.js?site=${HOSTNAME}"></script>
<p>A page of the shop's</p>`;

/** Names as our own name server answers them, for a browser that asks nobody. */
async function hostRules(): Promise<string> {
  const names = NAMES.map((name) => `rtt-${name}.${ZONE}`);
  const rules = [`MAP ${HOSTNAME} ${at(20)}`, `MAP ${CACHES} ${publicAddress(0)}`];
  for (const name of names) {
    const packet = await ask({ host: at(1), port: PORTS.dns }, name, "A", 5000);
    rules.push(`MAP ${name} ${addressesOf(packet)[0]}`);
  }
  return rules.join(", ");
}

async function explained(): Promise<NonNullable<Explanation["latency"]>> {
  const { latency }: Explanation = await api.must(
    "GET",
    `/explain?name=${CACHES}&client=127.0.0.1`,
  );
  return latency ?? [];
}

async function answered(): Promise<string> {
  const packet = await ask({ host: at(1), port: PORTS.dns }, CACHES, "A", 5000);
  return addressesOf(packet)[0] ?? "";
}

describe("latency that browsers measure", () => {
  beforeAll(async () => {
    if (why !== null) return;
    for (const i of [0, 1]) {
      const from = { host: publicAddress(i), port: PORTS.http };
      // What this machine does besides must not decide: both caches stand on it.
      const calm = new Machine(realClock, { cpu: 0.05, memory: 0.3, networkBytesPerSec: 0 });
      exporters.push(startExporter(calm, publicAddress(i), EXPORTER_PORT));
      links.push(new Turncoat(from, { host: at(1 + i), port: PORTS.http }));
    }
    links[1]!.awayMs = AWAY_MS;
    page = Bun.serve({
      hostname: at(20),
      port: PORTS.origin,
      fetch: () => new Response(PAGE, { headers: { "content-type": "text/html" } }),
    });
    const nodes = NAMES.map((name, i) =>
      nodeFile.parse({
        ...smallNode({ address: at(1 + i), data: folder.join(name) }),
        name,
        pop: i === 0 ? "here" : "there",
        roles: i === 0 ? ["control", "dns", "edge", "probe"] : ["edge"],
        addresses: { v4: publicAddress(i) },
      }),
    );
    fleet = await startFleet({ nodes, log: silentLog, logLevel: "error" });
    await api.signIn();
    await api.must("POST", "/apply", { network: networkFile() });
    const bothUp = async () => {
      const all: { state: string }[] = await api.must("GET", "/nodes");
      return all.length === 2 && all.every((one) => one.state === "up");
    };
    await until(bothUp, { what: "both caches to be up", withinMs: 40_000, everyMs: 200 });
    browser = await chromium.launch({
      executablePath: findProgram("chromium") ?? "chromium",
      args: [
        ...["--no-sandbox", "--disable-quic", "--disable-background-networking"],
        `--host-resolver-rules=${await hostRules()}`,
      ],
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await fleet?.stop();
    for (const link of links) await link.close();
    for (const exporter of exporters) await exporter.stop();
    await page?.stop(true);
    folder.remove();
  }, 30_000);

  /** One visitor who stays until the page has reported. */
  async function visit(): Promise<string> {
    const context = await browser!.newContext();
    try {
      const tab = await context.newPage();
      const reported = tab.waitForRequest((one) => one.method() === "POST", { timeout: 60_000 });
      await tab.goto(`http://${HOSTNAME}:${PORTS.origin}/`, { timeout: 60_000 });
      const request = await reported;
      await request.response();
      return request.postData() ?? "";
    } finally {
      await context.close();
    }
  }

  story(
    `takes the place of what the file says, moves the answer, and explain says so${reason}`,
    async () => {
      expect((await explained()).map(({ pop, rttMs, from }) => [pop, rttMs, from])).toEqual([
        ["there", 20, "file"],
        ["here", 170, "file"],
      ]);
      const far = async () => (await answered()) === publicAddress(1);
      await until(far, { what: "the cache of the file's nearest pop", withinMs: 30_000 });
      for (let i = 0; i < 4; i++) {
        const { site, rtt } = JSON.parse(await visit());
        expect(site).toBe(HOSTNAME);
        expect(rtt.two).toBeGreaterThanOrEqual(AWAY_MS);
        expect(rtt.one).toBeLessThan(rtt.two);
      }
      let seen = await explained();
      const byBeacon = async () => {
        seen = await explained();
        return seen.length === 2 && seen.every((row) => row.from === "beacon");
      };
      await until(byBeacon, { what: "latency by the beacon", withinMs: 30_000, everyMs: 200 });
      expect(seen.map((row) => row.pop)).toEqual(["here", "there"]);
      expect(seen[1]?.rttMs).toBeGreaterThanOrEqual(AWAY_MS);
      expect(seen[0]?.samples).toBeGreaterThanOrEqual(3);
      expect(seen[0]?.ageSec).toBeLessThan(60);
      const near = async () => (await answered()) === publicAddress(0);
      await until(near, { what: "the nearer cache to be answered", withinMs: 30_000 });
    },
    300_000,
  );
});
