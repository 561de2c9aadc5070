import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { OriginLive } from "../../src/model/api/mod.ts";
import { addressesOf, ask } from "../lab/ask.ts";
import { DEATHS, type Death, DyingOrigin, type Mortal } from "../lab/dying-origin.ts";
import { FarSide } from "../lab/far-side.ts";
import { whyNot } from "../lab/needs.ts";
import { type Program, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Stall } from "../lab/stall.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

/** How many web servers die; `npm run test:long -- failover` says 200. Two of each site, in turn. */
const COUNT = Number(process.env.TURNPIKE_DEATHS ?? "12");
/** No answer may name a dead server after this, however slow the machine of this test. */
const LATE_MS_MAX = 10_000;
/** What is aimed at with the default checks: two that time out, and their way. */
const GOAL_MS = 3000;
const AT_ONCE = 5;
const QUIET_MS = 1500;
const ASK_EVERY_MS = 25;
const MISS_EVERY_MS = 100;

const folder = new Folder();
const at = loopback();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const NODE = { host: at(1), port: PORTS.dns };

interface Place {
  readonly hostname: string;
  readonly death: Death;
  readonly origins: ReadonlyMap<string, Mortal>;
}

interface Seen {
  readonly death: Death;
  /** From the death to the last answer that names it, ms. */
  readonly dnsMs: number;
  /** To the last miss that it was asked for; null where it cannot see one. */
  readonly missMs: number | null;
  /** How long this process was held up meanwhile. */
  readonly stallMs: number;
}

const blackholes = whyNot(["root", "netns"]) === null;
const deaths = DEATHS.filter((death) => death !== "blackhole" || blackholes);
const places: Place[] = [];
let far: FarSide | null = null;
let running: Program | null = null;

beforeAll(async () => {
  const names = Array.from({ length: Math.ceil(COUNT / 2) }, (_, i) => `s${i}.shop.example`);
  const now = Date.now();
  const good = selfSigned(names, new Date(now));
  const expired = selfSigned(names, new Date(now - 3 * 86_400_000));
  const authorities = folder.file("ca.pem", `${good.cert}${expired.cert}`);
  for (const [i, hostname] of names.entries()) {
    const death = deaths[i % deaths.length]!;
    const tls = death === "expired" ? { good, expired } : null;
    const origins = new Map<string, Mortal>();
    for (const n of [10 + 2 * i, 11 + 2 * i]) {
      const address = death === "blackhole" ? `198.18.${process.pid % 200}.${n}` : at(n);
      const web = { hostname: address, port: PORTS.origin };
      const origin = death === "blackhole" ? fallsSilent(address) : new DyingOrigin(web, tls);
      origins.set(address, origin);
    }
    places.push({ hostname, death, origins });
  }
  const away = places.filter((place) => place.death === "blackhole");
  const addresses = away.flatMap((place) => [...place.origins.keys()]);
  if (blackholes) far = await FarSide.make(addresses, PORTS.origin);
  const data = folder.join("data");
  running = startTurnpike(upArgs(folder, "node", smallNode({ address: at(1), data })), {
    NODE_EXTRA_CA_CERTS: authorities,
  });
  await running.says("ready");
  await api.signIn();
  await api.must("POST", "/apply", { network: networkOf(places) });
  for (const place of places) await allUp(place);
}, 120_000);

afterAll(async () => {
  await running?.kill();
  for (const { origins } of places) for (const one of origins.values()) await one.close();
  await far?.close();
  folder.remove();
}, 60_000);

/** A server whose machine drops every packet. It sees no miss then. */
function fallsSilent(address: string): Mortal {
  return {
    lastMissMs: null,
    die: async () => far?.off(address),
    revive: async () => far?.on(address),
    close: async () => {},
  };
}

function networkOf(all: readonly Place[]): Record<string, unknown> {
  const network = smallNetwork({ address: at(1), origins: [] });
  const sites = all.map(({ hostname, death, origins }) => ({
    hostname,
    onboarding: "delegation",
    scheme: death === "expired" ? "https" : "http",
    port: PORTS.origin,
    origins: [...origins.keys()].map((v4, i) => ({ name: `o${i}`, v4 })),
  }));
  return { ...network, customers: [{ name: "shop", plan: "by-use", sites }] };
}

async function allUp({ hostname }: Place): Promise<void> {
  const path = `/customers/shop/sites/${hostname}/live`;
  const ups = async () => {
    const answer = await api.call("GET", path);
    const origins: { state: string }[] = answer.status === 200 ? answer.body.origins : [];
    return origins.length === 2 && origins.every((one) => one.state === "up");
  };
  const what = `both servers of ${hostname} to be up`;
  await until(ups, { what, withinMs: 60_000, everyMs: 250 }).catch(async (error: Error) => {
    throw new Error(`${error.message}; ${await stateOf(hostname)}`);
  });
}

/** For whoever reads of a failure: what the network thinks of a site, and how slow this machine is. */
async function stateOf(hostname: string): Promise<string> {
  const { body } = await api.call("GET", `/customers/shop/sites/${hostname}/live`);
  const { held, origins = [] } = body as { held: string | null; origins?: OriginLive[] };
  const lines = origins.map(({ name, state, views, warnings }) => {
    const seen = views.map(({ up, failure, responseMs }) => ({ up, failure, responseMs }));
    return JSON.stringify({ name, state, seen, warnings });
  });
  return [`held: ${held}; load of the machine: ${loadavg()[0]?.toFixed(1)}`, ...lines].join("\n");
}

async function answerOf(hostname: string): Promise<string | undefined> {
  return addressesOf(await ask(NODE, hostname, "A", 2000))[0];
}

let misses = 0;
function miss(hostname: string): void {
  fetch(`http://${at(1)}:${PORTS.http}/m/${++misses}`, {
    headers: { host: `${hostname}.${ZONE}` },
    signal: AbortSignal.timeout(20_000),
  })
    .then((response) => response.arrayBuffer())
    .catch(() => {});
}

/** Kills the server that is answered at present, and watches until it is named no more. */
async function dies(place: Place): Promise<Seen> {
  const { hostname, death, origins } = place;
  const victim = await answerOf(hostname);
  const origin = origins.get(victim ?? "");
  if (origin === undefined) throw new Error(`${hostname} is answered with ${victim}`);
  const traffic = setInterval(() => miss(hostname), MISS_EVERY_MS);
  const stall = new Stall();
  try {
    await origin.die(death);
    const deadMs = performance.now();
    let namedMs = deadMs;
    while (performance.now() - namedMs < QUIET_MS) {
      if ((await answerOf(hostname)) === victim) namedMs = performance.now();
      if (namedMs - deadMs > 2 * LATE_MS_MAX) {
        throw new Error(`${hostname} still names ${victim}; ${await stateOf(hostname)}`);
      }
      await Bun.sleep(ASK_EVERY_MS);
    }
    const sees = !["refuse", "expired", "blackhole"].includes(death);
    const missMs = sees ? Math.max(0, (origin.lastMissMs ?? deadMs) - deadMs) : null;
    return { death, dnsMs: namedMs - deadMs, missMs, stallMs: stall.lostMs };
  } finally {
    clearInterval(traffic);
    stall.stop();
    await origin.revive();
  }
}

function summary(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), most: at(1) };
}

test(
  `of ${COUNT} servers that die, none is named or asked for long after`,
  async () => {
    const seen: Seen[] = [];
    const waiting = [...places];
    const walk = async () => {
      for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
        seen.push(await dies(place));
        await allUp(place);
        seen.push(await dies(place));
        await allUp(place);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, walk));
    const figures = Object.fromEntries(
      ["all", ...deaths].map((death) => {
        const of = seen.filter((one) => death === "all" || one.death === death);
        const missMs = of.map((one) => one.missMs).filter((ms) => ms !== null);
        const asked = missMs.length === 0 ? {} : { lastMissMs: summary(missMs) };
        return [death, { lastAnswerMs: summary(of.map((one) => one.dnsMs)), ...asked }];
      }),
    );
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    process.stdout.write(`failover: ${JSON.stringify(figures)}\n`);
    for (const { death, dnsMs, missMs } of seen) {
      expect([death, dnsMs < LATE_MS_MAX]).toEqual([death, true]);
      expect([death, (missMs ?? 0) < LATE_MS_MAX]).toEqual([death, true]);
    }
    const median = summary(seen.map((one) => one.dnsMs - one.stallMs)).p50;
    expect(median).toBeLessThan(GOAL_MS);
  },
  Math.max(60_000, COUNT * 10_000),
);
