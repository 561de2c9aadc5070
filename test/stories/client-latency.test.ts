import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Explanation } from "../../src/model/api/mod.ts";
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
const API = `http://${NODE}:${PORTS.control}`;

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
    ns = await Namespace.make({ addresses: [NODE, CLIENT], resolver: NODE });
    const data = folder.join("data");
    const args = upArgs(folder, "node", smallNode({ address: NODE, data }));
    await ns.start(turnpikeCommand(...args), { name: "turnpike", cwd: ROOT }).says("ready");
    token = await ns.run([process.execPath, `${ROOT}/test/lab/call.ts`, API, "sign-in"]);
    const small = smallNetwork({ address: NODE, origins: ["10.61.0.9"] });
    const groups = [{ name: "office", prefixes: ["10.61.9.0/24"], rttMs: { here: 70 } }];
    await call("POST", "/apply", { network: { ...small, clientGroups: groups } });
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

  async function latency(): Promise<Explanation["latency"]> {
    const path = `/explain?name=c.cdn.example&client=${CLIENT}`;
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
      expect(seen?.[0]?.rttMs).toBeLessThan(20);
      expect(seen?.[0]?.samples).toBe(5);
      expect(seen?.[0]?.ageSec).toBeLessThan(60);
      type Node = { sources: { kind: string; detail: string }[] };
      const nodes = await call<Node[]>("GET", "/nodes");
      const kinds = nodes[0]!.sources.map((one) => one.kind);
      for (const kind of ["cpu", "memory", "loop"]) expect(kinds).toContain(kind);
    },
    60_000,
  );
});
