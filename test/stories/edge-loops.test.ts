import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { request as requestHttp } from "node:http";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { Rule } from "../../src/model/rules.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import {
  Stage,
  type StageOrigin,
  type StageSite,
  snapshotOf,
  startOrigin,
  ZONE,
} from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const NET = "127.75";
const EDGE = `${NET}.9.1`;
const OURS = "www.ours.example";
const LEFT = "www.left.example";
const RIGHT = "www.right.example";

/** What passes a request on to our cache again, for another site. */
let relays: StageOrigin[];
/** Fields that the relays leave out. */
let cut: readonly string[] = [];
let stage: Stage;
const ways = new TwoWays(() => stage);

/** As another network would: all fields but those of the connection go on, and `cut`. */
function relay(address: string, to: string): StageOrigin {
  return startOrigin(address, relays[0]?.port ?? 0, async (request) => {
    const { pathname, search } = new URL(request.url);
    const headers: Record<string, string> = {};
    request.headers.forEach((value, name) => {
      if (!/^(host|connection|content-length|transfer-encoding)$/.test(name)) headers[name] = value;
    });
    for (const name of cut) delete headers[name];
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const at = { host: EDGE, port: stage.edge.httpPort, path: pathname + search, agent: false };
    const sent = requestHttp(
      { ...at, method: request.method, headers: { ...headers, host: to } },
      (got) => {
        got.resume();
        got.on("end", () => resolve(new Response("passed on", { status: got.statusCode ?? 0 })));
      },
    );
    sent.on("error", reject);
    sent.end(await request.text());
    return promise;
  });
}

function networkOf(more: Partial<StageSite> = {}, ourPort = 80): Snapshot {
  const { port } = relays[0]!;
  const front = { front: "caches" as const };
  return snapshotOf([
    {
      ...{ hostname: OURS, customer: "ours", port: ourPort, ...front },
      origins: [{ name: "o1", v4: EDGE, port: ourPort }],
    },
    {
      ...{ hostname: LEFT, customer: "left", port, ...front, ...more },
      origins: [{ name: "o1", v4: `${NET}.0.1`, port, connectionsMax: 4 }],
    },
    {
      ...{ hostname: RIGHT, customer: "right", port, ...front },
      origins: [{ name: "o1", v4: `${NET}.0.2`, port, connectionsMax: 4 }],
    },
  ]);
}

beforeAll(async () => {
  relays = [];
  relays.push(relay(`${NET}.0.1`, RIGHT));
  relays.push(relay(`${NET}.0.2`, LEFT));
  stage = new Stage(networkOf(), EDGE);
  await stage.start({ tls: selfSigned([OURS, LEFT, RIGHT], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await Promise.all(relays.map((one) => one.stop()));
});
beforeEach(() => {
  cut = [];
  for (const one of relays) one.log.length = 0;
  stage.publish(networkOf());
});

const hops = () => relays.reduce((sum, one) => sum + one.log.length, 0);
const answered = (status: number) =>
  Number(new RegExp(`${status}"?} (\\d+)`).exec(stage.edge.metrics())?.[1] ?? 0);
const isHit = (said: { readonly headers: Headers }) =>
  said.headers.get("cache-status")?.includes("; hit") ?? false;

for (const [via, get] of ways.both) {
  const at = (path: string) => `/${via.replace(/\D/g, "")}${path}`;

  describe(`over ${via}`, () => {
    test("an origin that is this cache, at an address it does not know as its own, is 508 at the second hop (H13)", async () => {
      stage.publish(networkOf({}, stage.edge.httpPort));
      const before = answered(508);
      for (const method of ["GET", "POST"]) {
        const said = await get(`http://${OURS}${at("/self")}`, { method });
        expect([said.status, isHit(said)]).toEqual([508, false]);
      }
      // Twice for each: where it came round, and where the answer was passed on.
      expect(answered(508) - before).toBe(4);
    });

    test("two customers whose origins lead to each other: 508 at the second hop (H13)", async () => {
      for (const host of [LEFT, `${LEFT}.${ZONE}`]) {
        relays[0]!.log.length = 0;
        const said = await get(`http://${host}${at("/pair")}`);
        expect([said.status, isHit(said), hops()]).toEqual([508, false, 1]);
      }
    });

    test("no rule takes away what shows a loop, even one that no check would let in (H13)", async () => {
      const snapshot = networkOf();
      const rule = { name: "cut", match: {}, request: { remove: ["cdn-loop", "via"] } };
      const rules = [rule] as unknown as Rule[];
      const sites = snapshot.sites.map((site) => ({ ...site, rules }));
      stage.publish({ ...snapshot, sites });
      const said = await get(`http://${LEFT}${at("/ruled")}`, { method: "POST" });
      expect([said.status, hops()]).toEqual([508, 1]);
      expect(relays[0]!.log[0]!.headers.get("cdn-loop")).toBe(ZONE);
      expect(relays[0]!.log[0]!.headers.get("via")).toContain("edge-1");
    });

    test("other networks may be named before, in any case and with parameters, ours may not (H13)", async () => {
      const url = `http://${LEFT}${at("/named")}`;
      for (const loop of [ZONE, `a, ${ZONE.toUpperCase()} ; x="1"`, `${ZONE},b`]) {
        expect((await get(url, { fields: { "cdn-loop": loop } })).status).toBe(508);
      }
      expect(hops()).toBe(0);
      await get(url, { fields: { "cdn-loop": `other.example; x=1, x${ZONE}` } });
      expect(relays[0]!.log[0]!.headers.get("cdn-loop")).toBe(
        `other.example; x=1, x${ZONE}, ${ZONE}`,
      );
    });
  });
}

test("a connection's own list of fields does not hide a loop (H13, H20)", async () => {
  const fields = { "cdn-loop": ZONE, connection: "cdn-loop, via, close" };
  expect((await ways.http1(`http://${LEFT}/list`, { fields })).status).toBe(508);
  await ways.http1(`http://${LEFT}/list`, { fields: { connection: "cdn-loop, via, close" } });
  expect(relays[0]!.log[0]!.headers.get("cdn-loop")).toBe(ZONE);
});

test("where a server hides all that shows a loop, its own cap ends it, and others are served (H13)", async () => {
  cut = ["cdn-loop", "via"];
  const round = ways.http1(`http://${LEFT}/hidden`, { method: "POST", body: "x" });
  const health = await stage.get(`http://${LEFT}/.well-known/turnpike/health`);
  expect(health.status).toBe(200);
  expect((await round).status).toBe(503);
  expect(hops()).toBe(8);
}, 30_000);

test("a node's own address is asked by no cache, whatever was entered before (H13)", async () => {
  const snapshot = networkOf({}, stage.edge.httpPort);
  const nodes = snapshot.nodes.map((node) => ({ ...node, v4: EDGE }));
  const ports = { ...snapshot.ports, http: stage.edge.httpPort };
  stage.publish({ ...snapshot, nodes, ports });
  for (const [, get] of ways.both) {
    const said = await get(`http://${OURS}/own`);
    expect([said.status, said.headers.get("proxy-status")]).toEqual([
      503,
      "edge-1; error=destination_unavailable",
    ]);
  }
});
