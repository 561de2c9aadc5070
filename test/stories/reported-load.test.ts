import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Explanation } from "../../src/model/api/mod.ts";
import { addressesOf, ask } from "../lab/ask.ts";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
let running: Program | null = null;

/** A web server that says what load it has: by a load object, and by ORCA to caches alone. */
class Reporter {
  current = 10;
  orca: readonly [name: string, value: string] | null = null;
  /** How long what caches ask for takes; what probes ask for is quick. */
  slowMs = 0;
  readonly server: Bun.Server<undefined>;

  constructor(address: string) {
    this.server = Bun.serve({
      hostname: address,
      port: PORTS.origin,
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/load") {
          return new Response(
            `<load><current>${this.current}</current><target>100</target></load>`,
          );
        }
        if (pathname.startsWith("/m/")) await Bun.sleep(this.slowMs);
        const told = this.orca !== null && pathname.startsWith("/m/") ? this.orca : null;
        return new Response("ok", {
          headers: {
            "cache-control": "max-age=60",
            ...(told === null ? {} : { [told[0]]: told[1] }),
          },
        });
      },
    });
  }
}

const servers = new Map([at(2), at(3)].map((address) => [address, new Reporter(address)]));

beforeAll(async () => {
  running = startTurnpike(
    upArgs(folder, "node", smallNode({ address: at(1), data: folder.join("data") })),
  );
  await running.says("ready");
  await api.signIn();
  const site = {
    hostname: HOSTNAME,
    onboarding: "delegation",
    port: PORTS.origin,
    steering: { margin: 0 },
    origins: [...servers.keys()].map((v4, i) => ({
      name: `o${i}`,
      v4,
      loadUrl: `http://${v4}:${PORTS.origin}/load`,
    })),
  };
  const customers = [{ name: "shop", plan: "by-use", sites: [site] }];
  const network = { ...smallNetwork({ address: at(1), origins: [] }), customers };
  await api.must("POST", "/apply", { network });
  await until(async () => (await explained()).every((one) => one.loadKnown), {
    what: "loads to be known",
    withinMs: 20_000,
    everyMs: 200,
  });
}, 60_000);

afterAll(async () => {
  await running?.kill();
  for (const { server } of servers.values()) await server.stop(true);
  folder.remove();
}, 30_000);

async function explained(): Promise<NonNullable<Explanation["decision"]>["reasons"]> {
  const answer = await api.call("GET", `/explain?name=${HOSTNAME}&client=198.51.100.7`);
  return answer.body?.decision?.reasons ?? [];
}

let path = 0;

/** Misses of one cache, twenty a second, until they are ended. */
function misses(): { end(): void; leaked(): boolean } {
  let leaked = false;
  const timer = setInterval(async () => {
    const response = await fetch(`http://${at(1)}:${PORTS.http}/m/${++path}`, {
      headers: { host: `${HOSTNAME}.${ZONE}` },
    }).catch(() => null);
    await response?.arrayBuffer().catch(() => {});
    const said = [...(response?.headers.keys() ?? [])];
    if (said.some((name) => name.startsWith("endpoint-load"))) leaked = true;
  }, 50);
  return { end: () => clearInterval(timer), leaked: () => leaked };
}

async function answered(): Promise<string> {
  const packet = await ask({ host: at(1), port: PORTS.dns }, HOSTNAME, "A", 2000);
  return addressesOf(packet)[0] ?? "";
}

/** The first server calm and the other a little busier: at equal loads the answer may go to either. */
async function firstIsAnswered(): Promise<string> {
  const [first, other] = [...servers.keys()] as [string, string];
  servers.get(first)!.current = 10;
  servers.get(other)!.current = 30;
  const heard = async () => {
    const loads = (await explained()).map((one) => one.load);
    return Math.min(...loads) < 0.2 && Math.max(...loads) > 0.25;
  };
  await until(async () => (await heard()) && (await answered()) === first, {
    what: "the first server to be answered",
    withinMs: 30_000,
    everyMs: 100,
  });
  return first;
}

/** Waits until the answer has left an address; returns why that one was not taken. */
async function leaves(address: string) {
  const left = async () => (await answered()) !== address;
  await until(left, { what: `${address} to be left`, withinMs: 30_000, everyMs: 100 });
  return (await explained()).find((one) => one.v4 === address);
}

describe("a server that reports more load than the others", () => {
  test("by its load object is left, and explain names it", async () => {
    const first = await firstIsAnswered();
    servers.get(first)!.current = 90;
    const why = await leaves(first);
    expect(why).toMatchObject({ loadFrom: "reported", load: 0.9 });
    expect(why?.sources[0]?.detail).toBe("current 90, target 100");
  }, 90_000);

  for (const [name, value] of [
    ["endpoint-load-metrics", "TEXT application_utilization=0.95"],
    ["endpoint-load-metrics", 'JSON {"application_utilization":0.95}'],
    ["endpoint-load-metrics-bin", "SWZmZmZmZu4/"],
  ] as const) {
    test(`by ORCA on what it answers to a cache (${name}: ${value}) is left, and clients never see it`, async () => {
      // Caches fetch from the first alone, so that what it tells them is heard.
      const first = await firstIsAnswered();
      servers.get(first)!.orca = [name, value];
      const traffic = misses();
      try {
        const why = await leaves(first);
        expect(why?.loadFrom).toBe("reported");
        expect(why?.sources[0]?.detail).toContain("ORCA: application at 95 %");
      } finally {
        traffic.end();
        servers.get(first)!.orca = null;
      }
      expect(traffic.leaked()).toBe(false);
    }, 90_000);
  }

  test("by what caches see of it is left, although its checks are quick", async () => {
    for (const one of servers.values()) one.orca = null;
    const first = await firstIsAnswered();
    const traffic = misses();
    try {
      const known = async () => {
        const why = (await explained()).find((one) => one.v4 === first);
        const seen = why?.sources.find(({ kind }) => kind === "edges");
        // Timed while it is quick: what is slow from the first sight on is what it is like at idle.
        return /: ewma \d/.test(seen?.detail ?? "") && (await answered()) === first;
      };
      await until(known, { what: "caches to know the first", withinMs: 40_000, everyMs: 200 });
      servers.get(first)!.slowMs = 450;
      let why: Awaited<ReturnType<typeof leaves>>;
      const bySight = async () => {
        why = (await explained()).find((one) => one.v4 === first);
        return (await answered()) !== first && why?.loadFrom === "edges";
      };
      await until(bySight, { what: "the slow server to be left", withinMs: 40_000, everyMs: 100 });
      expect(why?.sources[0]?.detail).toMatch(
        /^at a cache: ewma \d+ ms, idle .* fail, \d+ of \d+ open/,
      );
    } finally {
      traffic.end();
      for (const one of servers.values()) one.slowMs = 0;
    }
  }, 120_000);
});
