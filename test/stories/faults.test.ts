import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { addressesOf, ask, serialOf } from "../lab/ask.ts";
import { testWith } from "../lab/needs.ts";
import { type Program, until } from "../lab/process.ts";
import {
  HOSTNAME,
  PORTS,
  SITE,
  smallNetwork,
  smallNode,
  upArgs,
  ZONE,
} from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

const at = loopback();
const NODE = { host: at(1), port: PORTS.dns };
const ROLES_OF_DATA = ["dns", "edge", "probe"];

let folder = new Folder();
let running: Program | null = null;

afterEach(async () => {
  await running?.kill();
  running = null;
  folder.remove();
  folder = new Folder();
});
afterAll(() => folder.remove());

/** A stack trace is no message: a line such as `    at startDns (/.../udp.ts:12:3)`. */
function expectClear(output: string): void {
  expect(output).not.toMatch(/^\s+at .*[:(]/m);
  expect(output).not.toContain("bug of ours");
}

async function expectRefused(args: readonly string[], words: readonly (string | RegExp)[]) {
  const { code, output } = await runTurnpike(args);
  for (const one of words) expect(output).toMatch(one);
  expectClear(output);
  expect(code).toBe(2);
}

/** Starts all roles, applies the small network, and waits until it is served. */
async function startServing(data: string): Promise<Api> {
  running = startTurnpike(upArgs(folder, "whole", smallNode({ address: at(1), data })));
  await running.says("ready");
  const api = new Api(`http://${at(1)}:${PORTS.control}`);
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  await api.must("POST", "/apply", { network });
  await until(async () => (await serialOf(NODE, ZONE)) > 0, { what: "the first snapshot" });
  return api;
}

async function expectServing(): Promise<number> {
  let serial = 0;
  const answers = async () => {
    serial = await serialOf(NODE, ZONE);
    return true;
  };
  await until(answers, { what: "the name server to answer" });
  expect(addressesOf(await ask(NODE, `c.${ZONE}`, "A"))).toEqual([at(1)]);
  return serial;
}

async function startData(data: string): Promise<Program> {
  const node = smallNode({ address: at(1), data, roles: ROLES_OF_DATA });
  running = startTurnpike(upArgs(folder, "data-only", node));
  await running.says("ready");
  return running;
}

function newestFile(dir: string): string {
  const files = readdirSync(dir).map((name) => join(dir, name));
  files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs || (a < b ? 1 : -1));
  return files[0]!;
}

describe("a wrong node file is refused with exit code 2", () => {
  test("one that is not there", () =>
    expectRefused(["up", "--config", folder.join("none.yaml")], [/none\.yaml/, /readable file/]));

  test("one that is no YAML, with its line", () =>
    expectRefused(
      ["up", "--config", folder.file("a.yaml", "name: one\nroles: [dns\nlisten: }{\n")],
      [/YAML/, /\b[23]:\d+: /],
    ));

  test("one with four problems: all at once, each with line, path, received and expected", () => {
    const text = [
      "name: one",
      "colour: blue",
      "roles: [dns, cook]",
      "listen:",
      "  dns: nowhere",
      "cache:",
      "  memoryMiB: -5",
    ].join("\n");
    return expectRefused(
      ["up", "--config", folder.file("a.yaml", text)],
      [
        /2:1.*colour.*no such key.*blue/,
        /3:\d+.*roles\.1.*received "cook"/,
        /5:\d+.*listen\.dns.*nowhere/,
        /7:\d+.*cache\.memoryMiB.*-5/,
      ],
    );
  });

  test("no file named at all", async () => {
    const { code, output } = await runTurnpike(["up"]);
    expect(output).toContain("--config");
    expectClear(output);
    expect(code).not.toBe(0);
  });
});

describe("a port in use ends the start with exit code 2 and names it", () => {
  test("the name server's, over UDP", async () => {
    const socket = await Bun.udpSocket({ hostname: at(1), port: PORTS.dns });
    const node = smallNode({ address: at(1), data: folder.join("data") });
    try {
      await expectRefused(upArgs(folder, "a", node), [/in use/, String(PORTS.dns)]);
    } finally {
      socket.close();
    }
  });

  test("the cache's and control's", async () => {
    for (const port of [PORTS.http, PORTS.control]) {
      const server = Bun.serve({ hostname: at(1), port, fetch: () => new Response("") });
      const node = smallNode({ address: at(1), data: folder.join("data") });
      try {
        await expectRefused(upArgs(folder, "a", node), [/in use/, String(port)]);
      } finally {
        await server.stop(true);
      }
    }
  });
});

describe("what this machine has not ends the start with exit code 2", () => {
  test("an address of somebody else, for each role that listens", async () => {
    const strange = "192.0.2.77";
    for (const role of ["dns", "http", "control"] as const) {
      const node = smallNode({ address: at(1), data: folder.join("data") });
      const listen = node.listen as Record<string, string>;
      const wrong = { ...node, listen: { ...listen, [role]: `${strange}:${PORTS[role]}` } };
      await expectRefused(upArgs(folder, "a", wrong), [/not one of this machine/, strange]);
    }
  });

  test("a data folder that is a file", async () => {
    const data = folder.file("data", "a file");
    await expectRefused(upArgs(folder, "a", smallNode({ address: at(1), data })), [data]);
  });

  test("a certificate that is not there, and one that is none", async () => {
    const node = smallNode({ address: at(1), data: folder.join("data") });
    const listen = { ...(node.listen as Record<string, string>), https: `${at(1)}:8443` };
    const pem = folder.file("garbage.pem", "garbage");
    for (const path of [folder.join("none.pem"), pem]) {
      const tls = { cert: path, key: path };
      await expectRefused(upArgs(folder, "a", { ...node, listen, tls }), [/tls\.cert/, path]);
    }
  });
});

describe("what is broken on disk", () => {
  test("a corrupt snapshot: the one before it serves", async () => {
    const data = folder.join("data");
    const api = await startServing(data);
    const before = await serialOf(NODE, ZONE);
    await api.must("PATCH", `${SITE}/origins/o1`, { weight: 2 });
    await until(async () => (await serialOf(NODE, ZONE)) > before, { what: "the second snapshot" });
    await running!.stop();
    const newest = newestFile(join(data, "node/snapshots"));
    const bytes = readFileSync(newest);
    bytes[bytes.length >> 1]! ^= 0x20;
    writeFileSync(newest, bytes);
    const program = await startData(data);
    expect(await expectServing()).toBe(before);
    expect(program.output).toContain("snapshot");
    expectClear(program.output);
  });

  test("an empty and a cut snapshot: the one before them serves", async () => {
    const data = folder.join("data");
    await startServing(data);
    const before = await serialOf(NODE, ZONE);
    await running!.stop();
    const dir = join(data, "node/snapshots");
    const good = newestFile(dir);
    const next = good.replace(/(\d+)(\D*)$/, (_, digits: string, rest: string) => {
      return String(Number(digits) + 1).padStart(digits.length, "0") + rest;
    });
    writeFileSync(next, readFileSync(good));
    truncateSync(next, statSync(good).size >> 1);
    writeFileSync(join(dir, "empty"), "");
    const program = await startData(data);
    expect(await expectServing()).toBe(before);
    expectClear(program.output);
  });

  test("a corrupt database: refused by name with exit code 2, and the data roles serve on", async () => {
    const data = folder.join("data");
    await startServing(data);
    const before = await serialOf(NODE, ZONE);
    await running!.stop();
    const control = join(data, "control");
    // History is not needed to serve or to bill: without it control starts, and says so.
    const databases = readdirSync(control).filter(
      (name) => name.endsWith(".db") && name !== "history.db",
    );
    expect(databases.length).toBeGreaterThan(0);
    for (const name of databases) {
      const kept = readFileSync(join(control, name));
      writeFileSync(join(control, name), Buffer.alloc(kept.length, "not a database "));
      const node = smallNode({ address: at(1), data });
      await expectRefused(upArgs(folder, "whole", node), [/database|ledger/i, name]);
      writeFileSync(join(control, name), kept);
    }
    writeFileSync(join(control, "history.db"), "not a database");
    await startServing(data);
    await running!.stop();
    writeFileSync(join(control, databases[0]!), "not a database");
    await startData(data);
    expect(await expectServing()).toBe(before);
  });
});

describe("a full disk", () => {
  /** A tmpfs of 4 MB at `path`, filled to the last byte by `fill()`. */
  function mountSmall(path: string): { fill(): void; close(): void } {
    mkdirSync(path, { recursive: true });
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path]);
    expect(mounted.status).toBe(0);
    return {
      fill: () => void spawnSync("dd", ["if=/dev/zero", `of=${path}/filler`, "bs=64k"]),
      close: () => void spawnSync("umount", ["-l", path]),
    };
  }

  testWith(["root", "tmpfs"], "at the first start: a clear word and exit code 2", async () => {
    const data = folder.join("small");
    const disk = mountSmall(data);
    try {
      disk.fill();
      const node = smallNode({ address: at(1), data: join(data, "data") });
      await expectRefused(upArgs(folder, "whole", node), [/disk is full|no space/i]);
    } finally {
      disk.close();
    }
  });

  testWith(
    ["root", "tmpfs"],
    "later: what was published serves on, also after a start",
    async () => {
      const data = folder.join("small");
      const disk = mountSmall(data);
      try {
        const api = await startServing(join(data, "data"));
        const before = await serialOf(NODE, ZONE);
        disk.fill();
        const changed = await api.call("PATCH", `${SITE}/origins/o1`, { weight: 3 });
        expect([200, 503, 507]).toContain(changed.status);
        expect(await expectServing()).toBeGreaterThanOrEqual(before);
        await running!.stop();
        expectClear(running!.output);
        await startData(join(data, "data"));
        expect(await expectServing()).toBeGreaterThanOrEqual(before);
        const answer = await ask(NODE, `${HOSTNAME}.${ZONE}`, "A");
        expect(addressesOf(answer)).toEqual([at(1)]);
      } finally {
        await running?.kill();
        disk.close();
      }
    },
  );
});
