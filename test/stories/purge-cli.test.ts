import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

const folder = new Folder();
const at = loopback();
const control = `http://${at(1)}:${PORTS.control}`;
const api = new Api(control);
let running: Program | null = null;
let token = "";
let version = 1;

const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch: () =>
    new Response(`v${version}`, {
      headers: { "cache-control": "max-age=600", "surrogate-key": "logo all" },
    }),
});

beforeAll(async () => {
  const node = smallNode({ address: at(1), data: folder.join("data") });
  running = startTurnpike(upArgs(folder, "node", node));
  await running.says("ready");
  token = await api.signIn();
  await api.must("POST", "/apply", { network: smallNetwork({ address: at(1), origins: [at(2)] }) });
  // Until it has heard of the purge log it validates all that it holds.
  await until(
    async () => (await get("/x")).headers.get("cache-status")?.includes("; hit") ?? false,
    {
      ...{ what: "the cache to serve what it holds", withinMs: 20_000, everyMs: 100 },
    },
  );
}, 60_000);

afterAll(async () => {
  await running?.kill();
  await origin.stop(true);
  folder.remove();
});

function get(path: string) {
  const url = `http://c.${ZONE}/${HOSTNAME}${path}`;
  return ask({ address: at(1), port: PORTS.http }, url, { fields: {}, method: "GET" });
}

async function served(path: string): Promise<string> {
  return (await get(path)).text;
}

for (const [what, args] of [
  ["one URL", ["/img/a.png"]],
  ["a tag", ["--tag", "logo"]],
  ["a prefix", ["--prefix", "/img/"]],
  ["everything", ["--all"]],
  ["everything, softly", ["--all", "--soft"]],
  ["a prefix with dot segments", ["--prefix", "/x/../img/"]],
] as const) {
  test(`turnpike purge of ${what} --wait: afterwards the old object is not served`, async () => {
    await served("/img/a.png");
    version++;
    const old = await served("/img/a.png");
    expect(old).toBe(`v${version - 1}`);
    const where = ["--server", control, "--token", token];
    const ran = await runTurnpike(["purge", HOSTNAME, ...args, "--wait", ...where]);
    expect([ran.code, ran.output]).toEqual([
      0,
      expect.stringMatching(/acknowledged by one \(\d+ ms\)/),
    ]);
    expect(await served("/img/a.png")).toBe(`v${version}`);
  }, 30_000);
}

test("turnpike purge of nothing, or of two things, is refused", async () => {
  for (const args of [[], ["/a", "--all"]]) {
    const where = ["--server", control, "--token", token];
    const ran = await runTurnpike(["purge", HOSTNAME, ...args, ...where]);
    expect([ran.code, ran.output]).toEqual([1, expect.stringContaining("expected one of path")]);
  }
}, 30_000);

const where = () => ["--server", control, "--token", token];

test("turnpike purge takes a URL as a browser shows it, whatever its case, port and fragment", async () => {
  const path = "/img/b.png?size=2";
  const old = await served(path);
  version++;
  expect(await served(path)).toBe(old);
  const url = `HTTPS://${HOSTNAME.toUpperCase()}:8443${path}#top`;
  const ran = await runTurnpike(["purge", url, "--wait", ...where()]);
  expect([ran.code, ran.output]).toEqual([0, expect.stringContaining("acknowledged by one")]);
  expect(await served(path)).toBe(`v${version}`);
  const both = await runTurnpike(["purge", url, "/a", ...where()]);
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("one of a URL and a path")]);
}, 30_000);

test("turnpike purge --customer: all sites of the customer, an entry of the log each", async () => {
  await served("/img/c.png");
  version++;
  const args = ["purge", "--customer", "shop", "--tag", "all", "--wait", "--json", ...where()];
  const ran = await runTurnpike(args);
  const views: { purge: { site: string }; missing: string[] }[] = JSON.parse(ran.output);
  expect(ran.code).toBe(0);
  expect(views.map((view) => [view.purge.site, view.missing])).toEqual([[HOSTNAME, []]]);
  expect(await served("/img/c.png")).toBe(`v${version}`);
  const both = await runTurnpike(["purge", HOSTNAME, "--customer", "shop", "--all", ...where()]);
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("and --customer")]);
}, 30_000);

test("a prefix reaches what it names in the form that URLs have", async () => {
  const path = '/img/"quoted" {1}.png';
  const old = await served(encodeURI(path));
  version++;
  expect(await served(encodeURI(path))).toBe(old);
  const ran = await runTurnpike([
    "purge",
    HOSTNAME,
    "--prefix",
    '/img/"quoted"',
    "--wait",
    ...where(),
  ]);
  expect(ran.code).toBe(0);
  expect(await served(encodeURI(path))).toBe(`v${version}`);
  const fragment = await runTurnpike(["purge", HOSTNAME, "/img/a.png#top", ...where()]);
  expect([fragment.code, fragment.output]).toEqual([1, expect.stringContaining("no fragment")]);
}, 30_000);

test("a cache that does not answer is named, beside those that did and when", async () => {
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const [node] = network.nodes as Record<string, unknown>[];
  const late = { ...node, name: "late", roles: ["edge"], addresses: { v4: at(9) } };
  await api.must("POST", "/apply", { network: { ...network, nodes: [node, late] } });
  const ran = await runTurnpike(["purge", HOSTNAME, "/img/a.png", "--wait-sec", "1", ...where()]);
  const words = expect.stringMatching(/not acknowledged by late; by one \(\d+ ms\) it is/);
  expect([ran.code, ran.output]).toEqual([1, words]);
}, 30_000);
