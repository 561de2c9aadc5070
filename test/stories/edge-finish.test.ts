// A cache that is told to end takes no new connections, finishes what is under way, and waits no longer
// than its node file says.
import { afterEach, expect, test } from "bun:test";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";
import { Stage, snapshotOf, startOrigin } from "./edge-stage.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** An origin whose answers wait until they are let go. */
function held(address: string, port = 0) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const origin = startOrigin(address, port, async ({ url }) => {
    if (url.endsWith("/slow")) await promise;
    return new Response(url);
  });
  ends.push(() => origin.stop());
  return { origin, letGo: resolve };
}

function refused(url: string): Promise<boolean> {
  return fetch(url, { keepalive: false }).then(
    () => false,
    () => true,
  );
}

/** A request to a cache is under way, and the cache told to end. */
async function ending(host: string, finishMs: number) {
  const { origin, letGo } = held(`${host}.1`);
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: HOSTNAME, customer: "shop", port: origin.port, origins };
  const stage = new Stage(snapshotOf([site]), `${host}.9`);
  await stage.start({ finishMs });
  const url = `http://${stage.address}:${stage.edge.httpPort}/`;
  const under = stage.get(`http://c.${ZONE}/${HOSTNAME}/slow`).catch(() => null);
  await until(() => origin.log.length > 0, { what: "the origin to be asked" });
  const stopped = stage.stop();
  await until(() => refused(url), { what: "new connections to be refused" });
  return { under, stopped, letGo };
}

test("a request under way is answered, new connections are refused", async () => {
  const { under, stopped, letGo } = await ending("127.101.51", 60_000);
  letGo();
  expect((await under)?.status).toBe(200);
  await stopped;
});

test("one that hangs is cut off in time", async () => {
  const { under, stopped } = await ending("127.101.52", 50);
  await stopped;
  expect(await under).toBeNull();
});

test("so does the program at SIGTERM", async () => {
  const folder = new Folder();
  const at = loopback();
  const { origin, letGo } = held(at(2), PORTS.origin);
  const node = { ...smallNode({ address: at(1), data: folder.join("data") }), finishSec: 60 };
  const running = startTurnpike(upArgs(folder, "node", node));
  ends.push(async () => {
    await running.kill();
    folder.remove();
  });
  await running.says("ready");
  const api = new Api(`http://${at(1)}:${PORTS.control}`);
  await api.signIn();
  await api.must("POST", "/apply", { network: smallNetwork({ address: at(1), origins: [at(2)] }) });
  const cache = `http://${at(1)}:${PORTS.http}`;
  const get = (path: string) =>
    fetch(`${cache}/${HOSTNAME}${path}`, { headers: { host: `c.${ZONE}` } });
  await until(async () => (await get("/quick")).status === 200, { what: "the cache to serve" });
  const under = get("/slow").then(async (response) => [response.status, await response.text()]);
  // Checks of its health are no sign that the request is under way.
  const asked = () => origin.log.some(({ path }) => path === "/slow");
  await until(asked, { what: "the origin to be asked" });
  running.signal("SIGTERM");
  await until(() => refused(cache), { what: "new connections to be refused" });
  letGo();
  expect((await under)[0]).toBe(200);
  expect(await running.ended()).toBe(0);
}, 60_000);
