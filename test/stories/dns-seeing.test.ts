// An operator sees what a name server does: metrics at the node's listener, `turnpike top dns`, and
// a query log on disk, all by the node file alone.
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QueryLogEntry } from "../../src/dns/mod.ts";
import { OPTION } from "../../src/wire/dns/mod.ts";
import { askUdp, clean, onClean, query, udpClient, until } from "./dns-stage.ts";

afterEach(clean);

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;

function run(args: readonly string[]) {
  const child = Bun.spawn([process.execPath, MAIN, ...args], { stdout: "pipe", stderr: "pipe" });
  onClean(() => {
    child.kill("SIGTERM");
    return child.exited;
  });
  return child;
}

/** Ports by what listens, as `up` prints them. */
async function portsOf(child: ReturnType<typeof run>): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  let text = "";
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  onClean(() => clearTimeout(limit));
  for await (const chunk of child.stdout as ReadableStream<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    for (const [, role, port] of text.matchAll(/: (\w+) on .*?port (\d+)/g)) {
      ports[role!] = Number(port);
    }
    if (text.includes("ready")) break;
  }
  return ports;
}

test("metrics, top and the query log show what was asked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-seeing-"));
  onClean(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, "node.yaml");
  writeFileSync(
    config,
    [
      "name: fra-1",
      "data: ./data",
      "roles: [dns]",
      "dnsWorkers: 2",
      "listen: { dns: '127.0.0.1:0', metrics: '127.0.0.1:0' }",
      "dns:",
      "  cookies: { secrets: [000102030405060708090a0b0c0d0e0f] }",
      "  queryLog: { file: ./log/lookups.jsonl, each: 1 }",
    ].join("\n"),
  );
  const ports = await portsOf(run(["up", "--config", config]));
  const options = [
    { code: OPTION.COOKIE, data: new Uint8Array(8) },
    { code: OPTION.NSID, data: new Uint8Array(0) },
  ];
  const answer = await askUdp(ports.dns!, query("www.shop.example", { options }));
  const data = (code: number) => answer.edns?.options.find((one) => one.code === code)?.data;
  expect(data(OPTION.COOKIE)).toHaveLength(24);
  expect(new TextDecoder().decode(data(OPTION.NSID))).toBe("fra-1");
  expect(data(OPTION.EXTENDED_ERROR)![1]).toBe(14);

  const url = `http://127.0.0.1:${ports.metrics}/metrics`;
  const scrape = async () => (await fetch(url)).text();
  await until(async () => (await scrape()).includes('responses_total{rcode="SERVFAIL"}'));
  expect(await scrape()).toContain("process_resident_memory_bytes ");
  const file = join(folder, "log/lookups.jsonl");
  await until(() => existsSync(file) && readFileSync(file, "utf8").includes("\n"));
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const entry = JSON.parse(lines[0]!) as QueryLogEntry;
  expect(entry).toMatchObject({ node: "fra-1", name: "www.shop.example", rcode: "SERVFAIL" });

  const top = run(["top", "dns", "--metrics", url, "--every", "0.5", "--once", "--json"]);
  const client = await udpClient(ports.dns!);
  const asking = setInterval(() => client.send(query("a.shop.example")), 50);
  onClean(() => clearInterval(asking));
  const picture = JSON.parse(await new Response(top.stdout).text());
  expect(picture.queriesPerSec).toBeGreaterThan(0);
  expect(picture.rcodes.SERVFAIL).toBeGreaterThan(0);
  clearInterval(asking);
}, 40_000);
