// An operator sees what caches do: metrics at the node's listener, `turnpike top edge`, and an access
// log on disk, by the node file alone.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { sendRaw } from "../lab/raw-http1.ts";
import { Stage, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const SHOP = "www.shop.example";
const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test("each answer is one line, with the site that it was counted for", async () => {
  const origin = startOrigin("127.101.0.1", 0, (request) => {
    const fields = { "cache-control": "max-age=60" };
    return new Response(new URL(request.url).pathname, { headers: fields });
  });
  ends.push(() => origin.stop());
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, origins };
  const stage = new Stage(snapshotOf([site]), "127.101.9.1");
  const lines: string[] = [];
  const add = (line: string) => lines.push(line);
  await stage.start({ access: { format: "json", each: 1, add } });
  ends.push(() => stage.stop());
  const agent = 'evil"\x1b[2J\xff';
  await stage.get(`http://c.${ZONE}/${SHOP}/a.png`, { "user-agent": "one" });
  await stage.get(`http://${SHOP}.${ZONE}/a.png`, { "user-agent": "two", referer: "http://x/" });
  await stage.get("http://nobody.example/%0a%1b", {});
  const at = { address: stage.address, port: stage.edge.httpPort };
  const text = `GET /raw HTTP/1.1\r\nHost: c.${ZONE}\r\nUser-Agent: ${agent}\r\n\r\n`;
  await sendRaw(at, [text.replace("\x1b", "\t")], { enough: (said) => said.includes("\r\n\r\n") });
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries).toMatchObject([
    { customer: "shop", site: SHOP, path: `/${SHOP}/a.png`, status: 200, agent: "one", bytes: 6 },
    { customer: "shop", site: SHOP, path: "/a.png", status: 200, referer: "http://x/", bytes: 6 },
    { customer: null, site: null, host: "nobody.example", path: "/%0a%1b", status: 421 },
    { site: null, path: "/raw", status: 404, agent: 'evil"\t[2J\xff' },
  ]);
  expect(entries.map((entry) => entry.cacheStatus)).toEqual([
    "edge-1; fwd=uri-miss; fwd-status=200; stored",
    expect.stringContaining("edge-1; hit; ttl="),
    null,
    null,
  ] as never);
  stage.edge.drainStats();
  const metrics = stage.edge.metrics();
  expect(metrics).toContain('turnpike_edge_responses_total{status="200"} 2\n');
  expect(metrics).toContain('turnpike_edge_responses_total{status="421"} 1\n');
  expect(metrics).toContain(`turnpike_edge_requests_total{site="${SHOP}"} 2\n`);
  expect(metrics).toContain(`turnpike_edge_hits_total{site="${SHOP}"} 1\n`);
  for (const cache of ["hit", "miss"]) {
    const line = `turnpike_edge_outcomes_total{site="${SHOP}",cache="${cache}"} 1\n`;
    expect(metrics).toContain(line);
  }
  expect(metrics).toContain(`turnpike_edge_fetches_total{origin="${SHOP}/o1"} 1\n`);
  expect(metrics).not.toContain("nobody.example");
  const gauge = (name: string) =>
    Number(new RegExp(`^turnpike_edge_${name} (\\d+)$`, "m").exec(metrics)?.[1]);
  expect(gauge("memory_objects")).toBe(1);
  expect(gauge("memory_bytes")).toBeGreaterThan(6);
  expect(gauge("memory_bytes")).toBeLessThan(gauge("memory_bytes_max"));
  expect(gauge("disk_bytes")).toBeLessThan(gauge("disk_bytes_max"));
});

/** What would end a line, a quote or a table's cell, or command a terminal, if it were written down as it comes. */
const NASTY = [
  'quote" , "status": 200',
  "back\\slash\\",
  "tab\tand\xff\xa0\x9b2J",
  "=cmd|' /C calc'!A0",
  "<script>alert(1)</script>",
  "x".repeat(5_000),
];

test("whatever clients write, each answer is one line of JSON, over HTTP/1.1 and HTTP/2 (H23)", async () => {
  const headers = { "cache-control": "max-age=60" };
  const origin = startOrigin("127.101.0.3", 0, () => new Response("ok", { headers }));
  ends.push(() => origin.stop());
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, origins };
  const stage = new Stage(snapshotOf([{ ...site, front: "caches" as const }]), "127.101.9.3");
  const lines: string[] = [];
  const add = (line: string) => lines.push(line);
  const tls = selfSigned([SHOP], new Date());
  await stage.start({ tls, access: { format: "json", each: 1, add } });
  ends.push(() => stage.stop());
  const ways = new TwoWays(() => stage);
  ends.push(() => ways.close());
  for (const [, get] of ways.both) {
    for (const words of NASTY) {
      lines.length = 0;
      const path = `/%0a%0d%1b%22%ed%a0%80${encodeURIComponent(words.slice(0, 60)).replaceAll("'", "%27")}`;
      const fields = { "user-agent": words, referer: words };
      expect((await get(`http://${SHOP}${path}`, { fields })).status).toBe(200);
      expect(lines.length).toBe(1);
      const line = lines[0]!.trimEnd();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
      expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      const entry = JSON.parse(line) as Record<string, unknown>;
      expect(entry).toMatchObject({ status: 200, customer: "shop", site: SHOP, path });
      expect(String(entry.agent).length).toBeLessThan(1_100);
      expect(words.startsWith(String(entry.agent).slice(0, 4))).toBe(true);
    }
  }
});

test("a line says how many bytes went, also of what goes as it comes and of what a client left", async () => {
  const go = Promise.withResolvers<void>();
  const origin = startOrigin("127.101.0.2", 0, (request) => {
    const { pathname } = new URL(request.url);
    const headers = { "cache-control": pathname === "/own" ? "private" : "max-age=60" };
    if (pathname !== "/left") return new Response("x".repeat(3_000_000), { headers });
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new Uint8Array(2_000_000));
        await go.promise;
        controller.close();
      },
    });
    return new Response(body, { headers });
  });
  ends.push(() => origin.stop());
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, origins };
  const stage = new Stage(snapshotOf([{ ...site, front: "caches" as const }]), "127.101.9.2");
  const lines: string[] = [];
  const add = (line: string) => lines.push(line);
  await stage.start({ access: { format: "json", each: 1, add } });
  ends.push(() => stage.stop());
  const line = async (path: string) => {
    await until(() => lines.some((text) => text.includes(`"${path}"`)));
    return JSON.parse(lines.find((text) => text.includes(`"${path}"`))!) as { bytes: number };
  };
  const before = stage.usageOf("shop", SHOP);
  for (const path of ["/large", "/own"]) {
    const billed = before.bytesOut;
    expect((await stage.get(`http://${SHOP}${path}`)).body.length).toBe(3_000_000);
    expect((await line(path)).bytes).toBe(3_000_000);
    expect(stage.usageOf("shop", SHOP).bytesOut - billed).toBe(3_000_000);
  }
  const at = { address: stage.address, port: stage.edge.httpPort };
  const text = `GET /left HTTP/1.1\r\nHost: ${SHOP}\r\n\r\n`;
  await sendRaw(at, [text], { enough: (said) => said.length > 100_000 });
  const { bytes } = await line("/left");
  expect(bytes).toBeGreaterThanOrEqual(100_000);
  expect(bytes).toBeLessThanOrEqual(2_000_000);
  go.resolve();
});

test("a node file alone makes the log, the metrics and `turnpike top edge`", async () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-seeing-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "node.yaml");
  writeFileSync(
    config,
    [
      "name: fra-1",
      "data: ./data",
      "roles: [edge]",
      "listen: { http: '127.101.1.1:0', metrics: '127.101.1.1:0' }",
      "accessLog: { file: ./log/access.log, format: combined }",
    ].join("\n"),
  );
  const child = run(["up", "--config", config]);
  const ports = await portsOf(child);
  const get = () => fetch(`http://127.101.1.1:${ports.http}/x`, { headers: { host: "x.example" } });
  await (await get()).text();
  const url = `http://127.101.1.1:${ports.metrics}/metrics`;
  const top = run(["top", "edge", "--metrics", url, "--once", "--json", "--every", "1"]);
  let over = false;
  const said = new Response(top.stdout).text().finally(() => {
    over = true;
  });
  while (!over) await (await get()).text();
  const picture = JSON.parse(await said) as {
    readonly statuses: Readonly<Record<string, number>>;
    readonly connections: number;
    readonly connectionsMax: number;
  };
  expect(picture.statuses["503"]).toBeGreaterThan(0);
  expect(picture.connectionsMax).toBeGreaterThan(0);
  expect(picture.connections).toBeLessThanOrEqual(picture.connectionsMax);
  const file = join(folder, "log", "access.log");
  await until(() => existsSync(file) && readFileSync(file, "utf8").includes("\n"));
  expect(readFileSync(file, "utf8").split("\n")[0]).toMatch(
    /^127\.\S+ - - \[.* \+0000\] "GET \/x HTTP\/1\.1" 503 - "-" "Bun\/.*"$/,
  );
}, 30_000);

function run(args: readonly string[]) {
  const child = Bun.spawn([process.execPath, MAIN, ...args], { stdout: "pipe", stderr: "pipe" });
  ends.push(() => {
    child.kill("SIGTERM");
    return child.exited;
  });
  return child;
}

/** Ports by what listens, as `up` prints them. */
async function portsOf(child: ReturnType<typeof run>): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  let text = "";
  for await (const chunk of child.stdout as ReadableStream<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    for (const [, role, port] of text.matchAll(/: (\w+) on .*?port (\d+)/g)) {
      ports[role!] = Number(port);
    }
    if (text.includes("ready")) break;
  }
  return ports;
}
