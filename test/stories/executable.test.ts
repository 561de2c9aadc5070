import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { addressesOf, ask } from "../lab/ask.ts";
import { Program, run, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, ROOT } from "../lab/turnpike.ts";

const folder = new Folder();
const at = loopback();
let running: Program | null = null;
const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch: () => new Response("from the origin", { headers: { "cache-control": "max-age=60" } }),
});

afterAll(async () => {
  await running?.stop();
  await origin.stop(true);
  folder.remove();
});

test("npm run build makes one file that is name server, cache, control plane, portal and command line", async () => {
  const turnpike = folder.join("turnpike");
  await run([process.execPath, join(ROOT, "tools/build.ts"), "--outfile", turnpike], 120_000);
  const node = smallNode({ address: at(1), data: folder.join("data") });
  // Not from the checkout: nothing but the file itself may be needed.
  running = new Program([turnpike, ...upArgs(folder, "node", node)], { cwd: folder.path });
  await running.says("ready");

  const url = `http://${at(1)}:${PORTS.control}`;
  const token = await new Api(url).signIn();
  const file = folder.file("network.yaml", smallNetwork({ address: at(1), origins: [at(2)] }));
  const said = await run([turnpike, "apply", file, "--server", url, "--token", token]);
  expect(said).toContain("published as snapshot 1");
  const again = await run([turnpike, "apply", file, "--server", url, "--token", token]);
  expect(again).not.toContain("published as");

  const server = { host: at(1), port: PORTS.dns };
  const steered = async () => addressesOf(await ask(server, `c.${ZONE}`, "A"))[0] === at(1);
  await until(steered, { what: "the name server to answer" });
  const object = `http://${at(1)}:${PORTS.http}/${HOSTNAME}/a.txt`;
  // A cache that has just started asks again until it knows that it has missed no purge.
  const isHit = async () => {
    const response = await fetch(object, { headers: { host: `c.${ZONE}` } });
    expect(await response.text()).toBe("from the origin");
    return /; *hit/.test(response.headers.get("cache-status") ?? "");
  };
  expect(await isHit()).toBe(false);
  await until(isHit, { what: "a hit" });

  const page = await (await fetch(`${url}/`)).text();
  const assets = [...page.matchAll(/"(\/assets\/[^"]+)"/g)].map((match) => match[1]!);
  expect(assets.length).toBeGreaterThanOrEqual(2);
  for (const asset of assets) expect((await fetch(url + asset)).status).toBe(200);
}, 180_000);
