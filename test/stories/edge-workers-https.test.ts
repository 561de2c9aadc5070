// A node whose cache has several processes has HTTPS at each of them, and changes its certificates as one.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import { issue } from "../../src/cli/demo/certificate.ts";
import { decodeMessage, encodeMessage, makeQuery, TYPE } from "../../src/wire/dns/mod.ts";
import { Http3Client } from "../lab/http3-client.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME } from "../lab/small-network.ts";
import type { ClientsTold } from "../lab/tls-clients.ts";
import { bodyOf, DOH_HOST, HTTPS_PORT, WORKERS, WorkersWorld } from "./workers-world.ts";

const CLIENTS = join(import.meta.dir, "../lab/tls-clients.ts");
const NAMES = Array.from({ length: WORKERS }, (_, i) => `cache-${i + 1}`);
const w = new WorkersWorld();
beforeAll(() => w.start({ doh: { host: DOH_HOST }, http3: true }), 120_000);
afterAll(() => w.stop(), 30_000);

/** Adds a certificate of the site's; its serial. */
async function addCertificate(): Promise<string> {
  const from = new Date(Date.UTC(2020, 0, 1));
  const { cert, key } = issue({ subject: HOSTNAME, names: [HOSTNAME], from, days: 10_000 });
  const row = await w.api.must("POST", "/customers/shop/certificates", { cert, key });
  return row.serial.toUpperCase();
}

/** Serials that new connections are shown, as many as the kernel spreads over all workers. */
async function shown(): Promise<string[]> {
  const said = await w.many(30, "/x", { secure: true });
  return [...new Set(said.map((one) => one.serial.toUpperCase()))];
}

async function untilShown(serial: string): Promise<void> {
  const isAlone = async () => (await shown()).join() === serial;
  await until(isAlone, { what: "the new certificate alone", withinMs: 60_000, everyMs: 50 });
}

/** Sockets of this node that listen for HTTPS: twice as many while those before drain. */
function listeners(): number {
  const [a, b, c, d] = w.at(1).split(".").map(Number);
  const hex = [d, c, b, a].map((byte) => byte!.toString(16).toUpperCase().padStart(2, "0"));
  const here = `${hex.join("")}:${HTTPS_PORT.toString(16).toUpperCase()} 00000000:0000 0A`;
  return readFileSync("/proc/net/tcp", "utf8").split(here).length - 1;
}

async function untilDrained(): Promise<void> {
  const isOver = () => listeners() === WORKERS;
  await until(isOver, { what: "the listeners before to end", withinMs: 60_000, everyMs: 100 });
}

/** Asks until new connections have come to every worker. */
async function untilAtAll(): Promise<void> {
  const found = new Set<string | null>();
  const comesToAll = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 30 });
    const said = await Promise.allSettled(
      Array.from({ length: 30 }, () => w.get("/x", { agent, secure: true })),
    );
    const ports = said.flatMap((one) => (one.status === "fulfilled" ? [one.value.port] : []));
    for (const owner of w.ownersOf(ports, HTTPS_PORT)) if (owner !== null) found.add(owner);
    agent.destroy();
    return [...found].sort().join() === NAMES.join();
  };
  await until(comesToAll, { what: "connections at every worker", withinMs: 40_000 });
}

/** Clients that wait for the origin's answer; each with the process that has its connection. */
async function waiting(count: number) {
  const clients = Array.from({ length: count }, (_, i) => {
    const { promise: sent, resolve } = Promise.withResolvers<number>();
    const path = `/waiting/${i}`;
    const isRight = w.get(path, { secure: true, sent: resolve }).then(
      (said) => said.status === 200 && said.body.equals(bodyOf(path)),
      () => false,
    );
    return { isRight, sent };
  });
  const ports = await Promise.all(clients.map(({ sent }) => sent));
  let owners: readonly (string | null)[] = [];
  // The kernel tells of one once its worker has taken the connection.
  const areKnown = () => {
    owners = w.ownersOf(ports, HTTPS_PORT);
    return !owners.includes(null);
  };
  await until(areKnown, { what: "all connections to be taken" });
  return clients.map(({ isRight }, i) => ({ isRight, owner: owners[i]! }));
}

test("new connections over HTTPS come to every worker, out of one cache", async () => {
  await w.get("/secure");
  await untilAtAll();
  const said = await w.many(30, "/secure", { secure: true });
  expect(said.filter((one) => !one.body.equals(bodyOf("/secure"))).length).toBe(0);
  expect(w.asked.get("/secure")).toBe(1);
}, 60_000);

test("DNS over HTTPS is answered at every worker, by who asks; the name server's process may be killed", async () => {
  const query = encodeMessage({ ...makeQuery(0, "c.cdn.example", TYPE.A) }) as Uint8Array;
  const ask = async () => {
    const dns = Buffer.from(query).toString("base64url");
    const path = `/dns-query?dns=${dns}`;
    const said = await w.get(path, { secure: true, fields: { host: DOH_HOST } });
    if (said.status !== 200) return [said.status];
    const message = decodeMessage(new Uint8Array(said.body));
    return [said.status, "answers" in message ? message.answers.map(({ data }) => data) : message];
  };
  const right = [200, [{ kind: "address" as const, address: w.at(1) }]];
  for (let i = 0; i < 30; i++) expect(await ask()).toEqual(right);
  const pid = w.fleet.pids().one ?? 0;
  expect(pid).toBeGreaterThan(0);
  process.kill(pid, "SIGKILL");
  // Either it is waited for, or who asks is told to come again: src/dns/doh.ts.
  for (let i = 0; i < 10; i++) expect([200, 503]).toContain((await ask())[0] as number);
  await until(() => w.fleet.pids().one !== pid && w.fleet.isReady("one"), {
    what: "it to be back",
  });
  expect(await ask()).toEqual(right);
}, 60_000);

test("every worker names the one listener for HTTP/3, which comes back when it is killed", async () => {
  const told = async () => {
    const said = await w.many(30, "/x", { secure: true });
    return [...new Set(said.map(({ fields }) => fields["alt-svc"]))];
  };
  const at = { address: w.at(1), port: HTTPS_PORT, servername: HOSTNAME };
  const overHttp3 = async () => {
    const client = await Http3Client.open(at);
    const said = await client.get(`https://${HOSTNAME}/secure`);
    client.destroy();
    return said.status === 200 && said.body.equals(bodyOf("/secure"));
  };
  expect(await told()).toEqual([`h3=":${HTTPS_PORT}"; ma=3600`]);
  expect(await overHttp3()).toBe(true);
  await w.back("cache-1", await w.kill("cache-1"));
  expect(await told()).toEqual([`h3=":${HTTPS_PORT}"; ma=3600`]);
  expect(await overHttp3()).toBe(true);
}, 60_000);

test("certificates are rotated at all workers under load without a failed request", async () => {
  const clients = Bun.spawn([process.execPath, CLIENTS, w.at(1), String(HTTPS_PORT), HOSTNAME], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  await untilShown(await addCertificate());
  await untilDrained();
  await w.many(30, "/x", { secure: true });
  clients.stdin.end();
  const told = JSON.parse(await new Response(clients.stdout).text()) as ClientsTold;
  expect(told.failed).toEqual([]);
  expect(Math.min(...Object.values(told.answered))).toBeGreaterThan(WORKERS);
}, 120_000);

test("a worker killed costs exactly its connections; the one that takes its place shows the same certificate", async () => {
  const [serial = "", ...others] = await shown();
  expect(others).toEqual([]);
  const gate = Promise.withResolvers<void>();
  w.gate = gate.promise;
  const clients = await waiting(24);
  const dead = clients[0]!.owner;
  const before = await w.kill(dead);
  gate.resolve();
  for (const { isRight, owner } of clients) {
    expect([owner, await isRight]).toEqual([owner, owner !== dead]);
  }
  expect(await shown()).toEqual([serial]);
  await w.back(dead, before);
  await untilAtAll();
  expect(await shown()).toEqual([serial]);
}, 60_000);
