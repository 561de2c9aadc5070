import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { Explanation } from "../../src/model/api/mod.ts";
import { mmdb } from "../fixtures/mmdb.ts";
import { Namespace } from "../lab/namespace.ts";
import { whyNot } from "../lab/needs.ts";
import { type Program, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Folder, ROOT, turnpikeCommand } from "../lab/turnpike.ts";

const why = whyNot(["root", "netns"]);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;
const NODE = "10.61.0.1";
const CLIENT = "10.61.9.7";
/** In no group of the network file. */
const STRANGER = "10.66.3.7";
const API = `http://${NODE}:${PORTS.control}`;

/** Where the operator's files say that networks are. */
const GERMANY = { country: { iso_code: "DE" } };
const CITIES = {
  "10.61.9.0/24": GERMANY,
  "10.62.0.0/16": GERMANY,
  "10.63.0.0/16": GERMANY,
  "10.64.0.0/16": { country: { iso_code: "US" }, location: { latitude: 40.7, longitude: -74.1 } },
  "10.65.0.0/16": GERMANY,
};
const NUMBERS = Object.fromEntries(
  ["10.61.0.0/16", "10.62.0.0/16"].map((prefix) => [prefix, { autonomous_system_number: 64_500 }]),
);
/** Groups that nobody measures; the last is in the network file's own map. */
const OTHERS: Readonly<Record<string, readonly [string, object]>> = {
  branch: ["10.62.0.0/16", {}],
  country: ["10.63.0.0/16", {}],
  abroad: ["10.64.0.0/16", {}],
  mapped: ["10.65.0.0/16", { here: 33 }],
};

/** Holds connections from one address to a cache, as browsers do, until it is ended. */
const HOLD = `
  import { connect } from "node:net";
  const [host, port, localAddress] = process.argv.slice(-3);
  for (let i = 0; i < 5; i++) {
    const socket = connect({ host, port: Number(port), localAddress });
    const ask = () => socket.write("GET /.well-known/turnpike/health HTTP/1.1\\r\\nHost: c.cdn.example\\r\\n\\r\\n");
    socket.on("connect", () => { ask(); setInterval(ask, 1000); });
    socket.on("data", () => {});
  }
  console.log("holding");
`;

describe("latency that caches see", () => {
  const folder = new Folder();
  let ns: Namespace | null = null;
  let token = "";

  beforeAll(async () => {
    if (why !== null) return;
    ns = await Namespace.make({ addresses: [NODE, CLIENT, STRANGER], resolver: NODE });
    const data = folder.join("data");
    const places = [folder.join("cities.mmdb"), folder.join("as.mmdb")];
    writeFileSync(places[0]!, mmdb(CITIES));
    writeFileSync(places[1]!, mmdb(NUMBERS));
    const node = { ...smallNode({ address: NODE, data }), places };
    const args = upArgs(folder, "node", node);
    await ns.start(turnpikeCommand(...args), { name: "turnpike", cwd: ROOT }).says("ready");
    token = await ns.run([process.execPath, `${ROOT}/test/lab/call.ts`, API, "sign-in"]);
    const small = smallNetwork({ address: NODE, origins: ["10.61.0.9"] });
    const pops = [{ name: "here", lat: 50.1, lon: 8.7 }];
    const others = Object.entries(OTHERS).map(([name, [prefix, rttMs]]) => {
      return { name, prefixes: [prefix], rttMs };
    });
    const groups = [{ name: "office", prefixes: ["10.61.9.0/24"], rttMs: { here: 70 } }, ...others];
    await call("POST", "/apply", { network: { ...small, pops, clientGroups: groups } });
  }, 60_000);

  afterAll(async () => {
    await ns?.close();
    folder.remove();
  }, 30_000);

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const more = body === undefined ? [] : [JSON.stringify(body)];
    const script = [process.execPath, `${ROOT}/test/lab/call.ts`, API, method, path, ...more];
    return JSON.parse(await ns!.run(["env", `TURNPIKE_TOKEN=${token}`, ...script])) as T;
  }

  async function latency(client = CLIENT): Promise<Explanation["latency"]> {
    const path = `/explain?name=c.cdn.example&client=${client}`;
    return (await call<Explanation>("GET", path)).latency;
  }

  story(
    `is taken from real connections in place of what the file says, and explain says so${reason}`,
    async () => {
      expect(await latency()).toMatchObject([{ pop: "here", rttMs: 70, from: "file" }]);
      const script = [process.execPath, "-e", HOLD, NODE, String(PORTS.http), CLIENT];
      const holder: Program = ns!.start(script, { name: "clients" });
      await holder.says("holding");
      let seen: Explanation["latency"];
      const bySockets = async () => {
        seen = await latency();
        return seen?.[0]?.from === "clients";
      };
      await until(bySockets, { what: "latency by clients", withinMs: 30_000, everyMs: 500 });
      expect(seen?.[0]?.rttMs).toBeLessThan(70);
      expect(seen?.[0]?.samples).toBeGreaterThanOrEqual(3);
      expect(seen?.[0]?.ageSec).toBeLessThan(60);
      // Of others in this order: the map, the AS, the country, the distance.
      const byPlace = async () => (await latency("10.62.0.1"))?.[0]?.from === "as";
      await until(byPlace, { what: "latency by AS", withinMs: 60_000, everyMs: 500 });
      expect(await latency("10.62.0.1")).toMatchObject([{ pop: "here", from: "as", samples: 1 }]);
      expect(await latency("10.63.0.1")).toMatchObject([{ from: "country", samples: 1 }]);
      expect(await latency("10.65.0.1")).toMatchObject([{ rttMs: 33, from: "file" }]);
      const [far] = (await latency("10.64.0.1")) ?? [];
      expect(far).toMatchObject({ from: "distance" });
      expect(far?.rttMs).toBeGreaterThan(40);
      type Node = { sources: { kind: string; detail: string }[] };
      const nodes = await call<Node[]>("GET", "/nodes");
      const kinds = nodes[0]!.sources.map((one) => one.kind);
      for (const kind of ["cpu", "memory", "loop"]) expect(kinds).toContain(kind);
    },
    180_000,
  );

  story(
    `networks of clients in no group are told, and become groups when the operator says so${reason}`,
    async () => {
      const script = [process.execPath, "-e", HOLD, NODE, String(PORTS.http), STRANGER];
      await ns!.start(script, { name: "strangers" }).says("holding");
      type Networks = { prefix: string; group: string; samples: number; pops: { pop: string }[] }[];
      let seen: Networks = [];
      const listed = async () => {
        seen = (await call<Networks>("GET", "/network/measured")).filter(
          ({ prefix }) => prefix === "10.66.3.0/24",
        );
        return seen.length === 1;
      };
      await until(listed, { what: "the network to be told", withinMs: 60_000, everyMs: 500 });
      expect(seen[0]).toMatchObject({ group: "default", pops: [{ pop: "here" }] });
      expect(seen[0]!.samples).toBeGreaterThanOrEqual(1);
      const cli = turnpikeCommand("group", "learn", "--largest", "50");
      const env = [`TURNPIKE_URL=${API}`, `TURNPIKE_TOKEN=${token}`];
      expect(await ns!.run(["env", ...env, ...cli])).toContain("groups of measured networks");
      const path = `/explain?name=c.cdn.example&client=${STRANGER}`;
      const joined = async () =>
        (await call<Explanation>("GET", path)).group === "net-10-66-3-0-24";
      await until(joined, { what: "the group to be in force", withinMs: 30_000, everyMs: 500 });
      const byClients = async () => (await latency(STRANGER))?.[0]?.from === "clients";
      await until(byClients, { what: "latency by clients", withinMs: 60_000, everyMs: 500 });
    },
    180_000,
  );
});
