// Corners of the cache in which mistakes were found, each held from then on.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import {
  type Answer,
  Stage,
  type StageOrigin,
  snapshotOf,
  startOrigin,
  ZONE,
} from "./edge-stage.ts";

const NET = "127.66";
const SHOP = "www.shop.example";

let origin: StageOrigin;
let stage: Stage;
let answer: Answer = () => new Response("ok");

beforeAll(async () => {
  origin = startOrigin(`${NET}.3.1`, 0, (request, at) => answer(request, at));
  const { port, address: v4 } = origin;
  const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const };
  stage = new Stage(snapshotOf([{ ...site, origins: [{ name: "o1", v4, port }] }]), `${NET}.9.4`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
});

const get = (path: string, fields: Record<string, string> = {}, method = "GET") =>
  stage.get(`http://${SHOP}${path}`, fields, method);

describe("a 304 that says what its answer depends on", () => {
  /** The same tag for all, first without Vary, and then with it. */
  function personal(size: number): void {
    let vary = false;
    answer = (request) => {
      const who = request.headers.get("x-user") ?? "nobody";
      if (request.method === "HEAD") vary = true;
      const headers = {
        "cache-control": "max-age=10, stale-while-revalidate=600",
        etag: vary ? `"${who}"` : '"anna"',
        ...(vary ? { vary: "X-User" } : {}),
      };
      if (request.headers.get("if-none-match") === headers.etag) {
        vary = true;
        return new Response(null, { status: 304, headers: { ...headers, vary: "X-User" } });
      }
      return new Response(who.padEnd(size, "."), { headers });
    };
  }

  for (const [what, size, method] of [
    ["in memory", 100, "GET"],
    ["in a file", 2_000_000, "GET"],
    ["in memory, by HEAD", 100, "HEAD"],
  ] as const) {
    test(`is followed for what is held ${what}: nobody else gets it`, async () => {
      const path = `/vary-${size}-${method}`;
      personal(size);
      await get(path, { "x-user": "anna" });
      stage.clock.advance(700_000);
      const asked = await get(path, { "x-user": "anna" }, method);
      expect(asked.status).toBe(200);
      const other = await get(path, { "x-user": "boris" });
      expect(other.text.slice(0, 5)).toBe("boris");
      const again = await get(path, { "x-user": "anna" });
      expect(again.text.slice(0, 4)).toBe("anna");
      // Nor when what was held before may stand in while it is asked for.
      stage.clock.advance(20_000);
      const third = await get(path, { "x-user": "clara" });
      expect(third.text.slice(0, 5)).toBe("clara");
    });
  }
});

test("a service worker is refused at the shared name, however well known its address is (H25)", async () => {
  answer = () =>
    new Response("self.x = 1", {
      headers: { "cache-control": "max-age=60", "content-type": "text/javascript" },
    });
  const url = `http://c.${ZONE}/${SHOP}/sw.js`;
  for (let i = 0; i < 3; i++) expect((await stage.get(url)).status).toBe(200);
  expect((await stage.get(url, { "service-worker": "script" })).status).toBe(403);
});

describe("other authorities for a site's web servers", () => {
  const [hers, others] = [selfSigned([SHOP], new Date()), selfSigned([SHOP], new Date())];
  let server: Server;

  beforeAll(async () => {
    server = createServer(hers, (_, response) => {
      response.setHeader("cache-control", "no-store");
      response.end("ok");
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, `${NET}.3.2`, resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("are named where they do not vouch for a server, as is one without TLS (RFC 9209 2.3)", async () => {
    const before = stage.snapshot;
    const { port, address: v4 } = server.address() as AddressInfo;
    const site = { hostname: SHOP, customer: "shop", scheme: "https" as const };
    const publish = (at: { v4: string; port: number }, ca: string) => {
      const origins = [{ name: "o1", ...at }];
      stage.publish(
        snapshotOf([{ ...site, port: at.port, front: "caches", origins, fetch: { ca } }]),
      );
    };
    const told = async () => (await get("/told")).headers.get("proxy-status");
    publish({ v4, port }, others.cert);
    expect(await told()).toBe("edge-1; error=tls_certificate_error");
    publish({ v4: origin.address, port: origin.port }, hers.cert);
    expect(await told()).toBe("edge-1; error=tls_protocol_error");
    stage.publish(before);
  });

  test("hold at once, for connections that are open already, too", async () => {
    const before = stage.snapshot;
    const { port, address: v4 } = server.address() as AddressInfo;
    const publish = (ca: string) => {
      const site = { hostname: SHOP, customer: "shop", port, scheme: "https" as const };
      const origins = [{ name: "o1", v4, port }];
      stage.publish(snapshotOf([{ ...site, front: "caches", origins, fetch: { ca } }]));
    };
    publish(hers.cert);
    expect([(await get("/tls")).status, (await get("/tls")).status]).toEqual([200, 200]);
    publish(others.cert);
    expect((await get("/tls")).status).toBe(502);
    publish(hers.cert);
    expect((await get("/tls")).status).toBe(200);
    stage.publish(before);
  });
});
