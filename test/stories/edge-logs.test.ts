// A site's owner has its log sent: nothing is lost while the receiver is away, each batch has one name,
// and it is signed by a key of the customer's.
import { afterEach, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { NameResolver } from "../../src/model/resolver.ts";
import { Stage, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const SECRET = new Uint8Array(32).fill(7);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Taken {
  readonly batch: string;
  readonly lines: string[];
  readonly signature: string;
  readonly body: Uint8Array;
}

/** A receiver that answers with the status it is set to. */
function receiver(address: string) {
  const taken: Taken[] = [];
  const state = { status: 200, refused: 0 };
  const server = Bun.serve({
    hostname: address,
    port: 0,
    fetch: async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      if (state.status !== 200) {
        state.refused++;
        return new Response(null, { status: state.status });
      }
      taken.push({
        batch: request.headers.get("turnpike-log-batch") ?? "",
        lines: gunzipSync(body).toString().trimEnd().split("\n"),
        signature: request.headers.get("turnpike-signature") ?? "",
        body,
      });
      return new Response(null, { status: 204 });
    },
  });
  ends.push(() => server.stop(true));
  return { taken, state, url: `http://logs.example:${server.port}/in?of=shop` };
}

/** Knows one name. */
function resolverTo(address: string): NameResolver {
  const lookup: NameResolver["lookup"] = async (name, type) => ({
    id: 0,
    opcode: 0,
    flags: 0,
    rcode: 0,
    questions: [],
    answers:
      type === 1 ? [{ name, type, class: 1, ttlSec: 9, data: { kind: "address", address } }] : [],
    authorities: [],
    additionals: [],
    edns: null,
  });
  return { lookup, lookupAt: (_, name, type) => lookup(name, type) };
}

async function world(host: string, logs: Readonly<Record<string, unknown>> = {}) {
  const to = receiver(`${host}.2`);
  const origin = startOrigin(`${host}.1`, 0, () => new Response("ok"));
  ends.push(() => origin.stop());
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const shop = { hostname: SHOP, customer: "shop", port: origin.port, origins };
  const other = { ...shop, hostname: "other.example", customer: "other" };
  const snapshot = snapshotOf([{ ...shop, logs: { to: to.url, everySec: 1, ...logs } }, other]);
  const stage = new Stage(snapshot, `${host}.9`);
  const start = () =>
    stage.start({
      resolver: resolverTo(`${host}.2`),
      secrets: (customer, key) => (customer === "shop" && key === "k1" ? SECRET : null),
    });
  await start();
  ends.push(() => stage.stop());
  const get = (path: string, site = SHOP) => stage.get(`http://c.${ZONE}/${site}${path}`);
  /** Lets time pass until it holds: batches are closed by the clock, and sent each half second. */
  const passing = (holds: () => boolean) =>
    until(() => {
      stage.clock.advance(1_000);
      return holds();
    });
  return { to, stage, get, passing, start };
}

const pathsIn = (taken: readonly Taken[]) =>
  taken.flatMap(({ lines }) => lines.map((line) => (JSON.parse(line) as { path: string }).path));

test("lines of a site, and of no other, come in signed batches", async () => {
  const { to, stage, get, passing } = await world("127.101.31", { key: "k1" });
  for (const path of ["/a", "/b"]) await get(path);
  await get("/x", "other.example");
  await get("/c");
  await passing(() => pathsIn(to.taken).length >= 3);
  expect(pathsIn(to.taken)).toEqual(["/a", "/b", "/c"].map((path) => `/${SHOP}${path}`));
  for (const { batch, signature, body } of to.taken) {
    const hmac = createHmac("sha256", SECRET).update(`${batch}\n`).update(body).digest("hex");
    expect(signature).toBe(`k1 ${hmac}`);
    expect(batch).toMatch(new RegExp(`^edge-1/${SHOP}/\\d{13}-\\d{9}$`));
  }
  const told = () => stage.edge.drainStats().logs?.[SHOP];
  await until(() => told()?.waitingBytes === 0 && told()?.deliveredLines === 3);
  const logs = { deliveredLines: 3, lostLines: 0, waitingBytes: 0, fault: null };
  expect(stage.edge.drainStats().logs).toEqual({ [SHOP]: logs });
  expect(stage.edge.metrics()).toContain(
    `turnpike_edge_log_lines_delivered_total{site="${SHOP}"} 3\n`,
  );
});

test("what is refused waits on the disk, over a restart too, and comes once", async () => {
  const { to, stage, get, passing, start } = await world("127.101.32");
  to.state.status = 503;
  await get("/before");
  await passing(() => to.state.refused > 0);
  await until(() => stage.edge.drainStats().logs?.[SHOP]?.fault?.includes("503") === true);
  await get("/then");
  await stage.edge.stop();
  to.state.status = 200;
  await start();
  await get("/after");
  await passing(() => pathsIn(to.taken).length >= 3);
  expect(pathsIn(to.taken)).toEqual(
    ["/before", "/then", "/after"].map((path) => `/${SHOP}${path}`),
  );
  expect(new Set(to.taken.map(({ batch }) => batch)).size).toBe(to.taken.length);
});

test("an address that may not be connected to is told, and nothing is lost", async () => {
  const { to, stage, get, passing } = await world("127.101.33");
  stage.publish({ ...stage.snapshot, allowPrivateOrigins: false });
  await get("/a");
  await passing(() => stage.edge.drainStats().logs?.[SHOP]?.fault !== null);
  expect(stage.edge.drainStats().logs?.[SHOP]?.fault).toContain("not for public servers");
  expect(to.taken).toEqual([]);
  stage.publish({ ...stage.snapshot, allowPrivateOrigins: true });
  await passing(() => to.taken.length > 0);
  expect(pathsIn(to.taken)).toEqual([`/${SHOP}/a`]);
});

test("a site that wants its log no more leaves nothing to whoever has the name next", async () => {
  const { to, stage, get, passing } = await world("127.101.34");
  to.state.status = 503;
  await get("/mine");
  await passing(() => to.state.refused > 0);
  const sites = stage.snapshot.sites.map((site) =>
    site.hostname === SHOP ? { ...site, customer: "other" } : site,
  );
  stage.publish({ ...stage.snapshot, sites });
  to.state.status = 200;
  await get("/theirs");
  await passing(() => to.taken.length > 0);
  expect(pathsIn(to.taken)).toEqual([`/${SHOP}/theirs`]);
});
