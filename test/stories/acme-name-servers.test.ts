/** An order through several real name servers, of which one is slow, one dies, and one is cut off from control. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import type { Bus } from "../../src/bus/mod.ts";
import { stubResolver } from "../../src/cli/node/resolver.ts";
import { type Started, startNode } from "../../src/cli/node/start.ts";
import { NETWORK_YAML } from "../../src/control/control-world.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import type { NameResolver } from "../../src/model/resolver.ts";
import { type Message, TYPE } from "../../src/wire/dns/mod.ts";
import { Forwarder } from "../lab/forwarder.ts";
import { until } from "../lab/process.ts";
import { Folder } from "../lab/turnpike.ts";
import { Lab, SHARED } from "./acme-lab.ts";

setDefaultTimeout(90_000);

const PORT = 25_353;
const SLOW_MS = 700;
const at = (n: number) => `127.73.4.${n}`;
const addressOf = (n: number) => `${at(n)}:${PORT}`;
/** Where each name server listens; the world knows the third by the address of who makes it slow. */
const HEARD_AT = [1, 2, 9, 4];
const KNOWN_AT = [1, 2, 3, 4];
const PATH = `/obtained/${SHARED}/renew`;

const folder = new Folder();
const stub = stubResolver({ rng: seededRng(3) });
const world = new Lab();
const nodes: Started[] = [];
let slow: Forwarder;
let isCut = false;
/** Answers to control's questions: address -> how many, and how many had the challenge of now. */
const asked = new Map<string, { all: number; held: number }>();

const asks: NameResolver = {
  lookup: stub.lookup,
  lookupAt: async (address, name, type) => {
    const message = await stub.lookupAt(address, name, type);
    const value = (await world.challenges()).get(name);
    const isHeld = value !== undefined && textsOf(message).includes(value);
    const { all, held } = asked.get(address) ?? { all: 0, held: 0 };
    asked.set(address, { all: all + 1, held: held + Number(isHeld) });
    return message;
  },
};

/** The bus of the fourth name server, which is cut off from control for a while. */
function cuttable(bus: Bus): Bus {
  return {
    publish: (subject, message) => bus.publish(subject, message),
    subscribe: (subject, handler) => {
      return bus.subscribe(subject, (message) => (isCut ? undefined : handler(message)));
    },
    request: (subject, ask, timeoutMs) => {
      return isCut ? Promise.reject(new Error("cut off")) : bus.request(subject, ask, timeoutMs);
    },
    respond: (subject, handler) => bus.respond(subject, handler),
    close: () => {},
  };
}

function textsOf({ answers }: Message): readonly string[] {
  return answers.flatMap(({ data }) => {
    return data.kind === "texts" ? data.texts.map((one) => new TextDecoder().decode(one)) : [];
  });
}

/** What an authority finds wherever it asks: at every name server that answers. */
async function seen(name: string): Promise<readonly string[]> {
  const all = await Promise.all(
    KNOWN_AT.map(async (n) => {
      for (let tries = 0; tries < 3; tries++) {
        const message = await stub.lookupAt(addressOf(n), name, TYPE.TXT).catch(() => null);
        if (message !== null) return textsOf(message);
      }
      return undefined;
    }),
  );
  const answered = all.filter((values) => values !== undefined);
  expect(answered.length).toBeGreaterThan(1);
  return (answered[0] ?? []).filter((one) => answered.every((values) => values.includes(one)));
}

beforeAll(async () => {
  slow = await Forwarder.start(
    { host: at(3), port: PORT },
    { host: at(9), port: PORT },
    { delayMs: SLOW_MS },
  );
  world.asks = asks;
  world.sees = seen;
  const servers = KNOWN_AT.map((n) => {
    return `  - {name: ns-${n}, pop: lon, roles: [dns], addresses: {v4: ${at(n)}}}\n`;
  });
  const nodesWere = /nodes:\n.*\n/;
  const yaml = NETWORK_YAML.replace(
    nodesWere,
    `ports: {dns: ${PORT}}\nnodes:\n${servers.join("")}`,
  );
  await world.start(", sites: false", yaml);
  const { clock } = world.control;
  for (const [i, n] of HEARD_AT.entries()) {
    const file = nodeFile.parse({
      ...{ name: `ns-${KNOWN_AT[i]}`, pop: "lon", data: folder.join(`ns-${n}`), roles: ["dns"] },
      listen: { dns: addressOf(n) },
    });
    const bus = n === 4 ? cuttable(world.bus) : world.bus;
    nodes.push(await startNode(file, { bus, clock, rng: seededRng(n), log: silentLog }));
  }
});
afterAll(async () => {
  isCut = false;
  for (const node of nodes) await node.stop();
  slow?.stop();
  await world.control?.stop();
  folder.remove();
});

async function renewed(): Promise<void> {
  asked.clear();
  const before = world.ca.issuedMs.length;
  const { status } = await world.control.call("POST", PATH, { headers: world.headers });
  expect(status).toBe(200);
  await world.settle();
  const { state, problem } = await world.row(SHARED);
  const issued = world.ca.issuedMs.length - before;
  expect([issued, state, problem]).toEqual([1, "obtained", null]);
}

const heldAt = (n: number) => asked.get(addressOf(n))?.held ?? 0;

test("a slow name server is waited for: all four hold the challenge before the authority is told", async () => {
  await world.settle();
  expect(await world.states()).toBe("obtained");
  expect(KNOWN_AT.map((n) => Math.min(1, heldAt(n)))).toEqual([1, 1, 1, 1]);
});

test("one that is cut off from control, and answers with what it had, holds the order up until it has caught up", async () => {
  isCut = true;
  const challenges = () => world.ca.asked.filter((line) => line.includes("challenge")).length;
  const before = challenges();
  const done = renewed();
  const isAsked = async () => (asked.get(addressOf(4))?.all ?? 0) >= 3 && heldAt(3) > 0;
  await until(isAsked, { what: "the fourth to be asked", withinMs: 15_000, everyMs: 10 });
  expect([heldAt(4), challenges() - before]).toEqual([0, 0]);
  isCut = false;
  await done;
  expect(heldAt(4)).toBeGreaterThan(0);
  expect(challenges() - before).toBe(1);
});

test("a dead one is left out, and the order goes on with all others", async () => {
  await nodes[1]?.stop();
  nodes.splice(1, 1);
  await renewed();
  expect(asked.get(addressOf(2))).toBeUndefined();
  expect([1, 3, 4].map((n) => Math.min(1, heldAt(n)))).toEqual([1, 1, 1]);
});
