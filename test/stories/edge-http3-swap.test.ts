// HTTP/3 comes to show other certificates: clients are told to come by TCP meanwhile, what is under way
// is answered, and whoever connects anew gets an answer.
import { afterEach, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { EdgeCertificate } from "../../src/model/certificate.ts";
import { Http3Client, type Http3Said } from "../lab/http3-client.ts";
import { Stage, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const NET = "127.64.31";
const SHOP = "www.shop.example";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let made = 0;
const certificateOf = (...names: readonly string[]): EdgeCertificate => {
  const times = { notBeforeMs: 0, notAfterMs: 4e12 };
  const pair = selfSigned(names, new Date());
  return { ...pair, ...times, id: String(made++), customer: "shop", name: "one", names };
};

/** A cache that shows `shown`, before an origin of which `/held` waits until it is let go. */
async function start(http3Swap: { leaveMs: number; endMs: number; restMs: number }) {
  const letGo = Promise.withResolvers<void>();
  const origin = startOrigin(`${NET}.1`, 0, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname !== "/a") await letGo.promise;
    const kept = pathname === "/a" ? "max-age=600" : "no-store";
    return new Response("the page", { headers: { "cache-control": kept } });
  });
  ends.push(() => origin.stop());
  const { address, port } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  const site = { hostname: SHOP, customer: "shop", port, origins, front: "caches" as const };
  const stage = new Stage(snapshotOf([site]), `${NET}.9`);
  const shown = [certificateOf(SHOP)];
  const listeners = new Set<() => void>();
  const onChange = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const tls = selfSigned([`c.${ZONE}`], new Date());
  const certificates = { list: () => shown, onChange };
  await stage.start({ http3: true, http3Swap, tlsDrainMs: 100, tls, certificates });
  ends.push(() => stage.stop());
  const ways = new TwoWays(() => stage);
  ends.push(() => ways.close());
  /** Whose handshake falls between two listeners tries again: browsers take TCP meanwhile. */
  const client = async () => {
    const at = { address: stage.address, port: stage.edge.httpsPort! };
    for (let left = 5; ; left--) {
      const one = await Http3Client.open({ ...at, servername: SHOP }).catch((fault: unknown) => {
        if (left === 0) throw fault;
        return null;
      });
      if (one === null) continue;
      ends.push(() => one.destroy());
      return one;
    }
  };
  const show = (one: EdgeCertificate) => {
    shown[0] = one;
    for (const listener of listeners) listener();
  };
  const byTcp = () => ways.http2(`https://${SHOP}/a`);
  const told = async () => (await byTcp()).headers.get("alt-svc");
  return { origin, letGo: letGo.resolve, client, show, told, byTcp };
}

test("by TCP all is answered meanwhile, by UDP sooner or later, and what is under way ends as it should", async () => {
  const stage = await start({ leaveMs: 2_000, endMs: 30_000, restMs: 0 });
  const one = await stage.client();
  const held = one.get(`https://${SHOP}/held`);
  await until(() => stage.origin.log.length === 1, 20_000);
  stage.show(certificateOf(SHOP, "new.shop.example"));
  expect(await stage.told()).toBe("clear");
  const said = await one.get(`https://${SHOP}/a`);
  // On a machine that stood still the listener may have said GOAWAY by then.
  if (said.status !== null) expect(said.headers.get("alt-svc")).toBe("clear");
  const answered: Http3Said[] = [];
  let isNew = false;
  while (!isNew) {
    expect((await stage.byTcp()).status).toBe(200);
    const next = await stage.client();
    answered.push(await next.get(`https://${SHOP}/a`));
    isNew = next.certificate.includes("new.shop.example");
    next.destroy();
    stage.letGo();
  }
  expect((await held).body.toString()).toBe("the page");
  // A connection may stand just when its listener is to end: then its request is not processed.
  const came = answered.filter(({ status }) => status !== null);
  expect(came.every(({ status, end }) => status === 200 && end === "whole")).toBe(true);
  expect(answered.at(-1)?.status).toBe(200);
  expect(await stage.told()).toStartWith("h3=");
}, 120_000);

test("what does not end in time is cut off, and changes that come meanwhile are taken together", async () => {
  const stage = await start({ leaveMs: 50, endMs: 200, restMs: 0 });
  const one = await stage.client();
  const stuck = one.get(`https://${SHOP}/stuck`);
  for (const name of ["b.shop.example", "c.shop.example", "d.shop.example"]) {
    stage.show(certificateOf(SHOP, name));
  }
  expect((await stuck).status).toBeNull();
  const next = await stage.client();
  expect(next.certificate).toContain("d.shop.example");
  expect((await next.get(`https://${SHOP}/a`)).status).toBe(200);
  stage.letGo();
}, 60_000);

test("without the option nothing is told of HTTP/3, and nothing listens for it", async () => {
  const stage = new Stage(snapshotOf([]), `${NET}.8`);
  await stage.start({ tls: selfSigned([`c.${ZONE}`], new Date()) });
  ends.push(() => stage.stop());
  const ways = new TwoWays(() => stage);
  ends.push(() => ways.close());
  const { headers } = await ways.http2(`https://c.${ZONE}/x`);
  expect(headers.get("alt-svc")).toBeNull();
  // The port is free.
  const socket = await Bun.udpSocket({ hostname: stage.address, port: stage.edge.httpsPort! });
  await until(() => socket.port === stage.edge.httpsPort);
  socket.close();
});
