import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../lab/process.ts";
import { HOSTNAME } from "../lab/small-network.ts";
import { runTurnpike } from "../lab/turnpike.ts";
import { type OneNode, startOneNode } from "./one-node-world.ts";

let world: OneNode;
let version = 1;

beforeAll(async () => {
  const headers = { "cache-control": "max-age=600", "surrogate-key": "logo all" };
  world = await startOneNode({ answer: () => new Response(`v${version}`, { headers }) });
  // Until it has heard of the purge log it validates all that it holds.
  await until(
    async () => (await world.get("/x")).headers.get("cache-status")?.includes("; hit") ?? false,
    {
      ...{ what: "the cache to serve what it holds", withinMs: 20_000, everyMs: 100 },
    },
  );
}, 60_000);

afterAll(() => world?.stop());

async function served(path: string): Promise<string> {
  return (await world.get(path)).text;
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
    const ran = await runTurnpike(["purge", HOSTNAME, ...args, "--wait", ...world.flags]);
    expect([ran.code, ran.output]).toEqual([
      0,
      expect.stringMatching(/acknowledged by one \(\d+ ms\)/),
    ]);
    expect(await served("/img/a.png")).toBe(`v${version}`);
  }, 30_000);
}

test("turnpike purge of nothing, or of two things, is refused", async () => {
  for (const args of [[], ["/a", "--all"]]) {
    const ran = await runTurnpike(["purge", HOSTNAME, ...args, ...world.flags]);
    expect([ran.code, ran.output]).toEqual([1, expect.stringContaining("expected one of path")]);
  }
}, 30_000);

test("turnpike purge takes a URL as a browser shows it, whatever its case, port and fragment", async () => {
  const path = "/img/b.png?size=2";
  const old = await served(path);
  version++;
  expect(await served(path)).toBe(old);
  const url = `HTTPS://${HOSTNAME.toUpperCase()}:8443${path}#top`;
  const ran = await runTurnpike(["purge", url, "--wait", ...world.flags]);
  expect([ran.code, ran.output]).toEqual([0, expect.stringContaining("acknowledged by one")]);
  expect(await served(path)).toBe(`v${version}`);
  const both = await runTurnpike(["purge", url, "/a", ...world.flags]);
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("one of a URL and a path")]);
}, 30_000);

test("turnpike purge --customer: all sites of the customer, an entry of the log each", async () => {
  await served("/img/c.png");
  version++;
  const args = ["purge", "--customer", "shop", "--tag", "all", "--wait", "--json", ...world.flags];
  const ran = await runTurnpike(args);
  const views: { purge: { site: string }; missing: string[] }[] = JSON.parse(ran.output);
  expect(ran.code).toBe(0);
  expect(views.map((view) => [view.purge.site, view.missing])).toEqual([[HOSTNAME, []]]);
  expect(await served("/img/c.png")).toBe(`v${version}`);
  const both = await runTurnpike([
    "purge",
    HOSTNAME,
    "--customer",
    "shop",
    "--all",
    ...world.flags,
  ]);
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("and --customer")]);
}, 30_000);

test("turnpike purge list: the last purges with who asked, how many caches have them, and how fast", async () => {
  await runTurnpike(["purge", HOSTNAME, "--tag", "listed", "--soft", "--wait", ...world.flags]);
  await runTurnpike(["purge", HOSTNAME, "/listed.png", "--wait", ...world.flags]);
  for (const about of [[HOSTNAME], ["--customer", "shop"], []]) {
    const args = ["purge", "list", ...about, "--limit", "2", ...world.flags];
    const { code, output } = await runTurnpike(args);
    const rows = output.trim().split("\n");
    const row = (what: string) =>
      new RegExp(`^\\d+ +\\S+Z +${HOSTNAME} +${what} +token/\\S+ +1/1 +\\d+ ms +-$`);
    expect([code, rows.length]).toEqual([0, 3]);
    expect(rows[0]).toMatch(/^NUMBER +ASKED +SITE +WHAT +BY +ACKED +IN +LATE$/);
    expect(rows[1]).toMatch(row("/listed.png"));
    expect(rows[2]).toMatch(row("--tag listed --soft"));
  }
  const json = await runTurnpike(["purge", "list", HOSTNAME, "--json", ...world.flags]);
  const views: { purge: { number: number } }[] = JSON.parse(json.output);
  const newest = views[0]?.purge.number ?? 0;
  expect(newest).toBeGreaterThan(1);
  const before = ["purge", "list", HOSTNAME, "--before", String(newest), "--json", ...world.flags];
  const older: typeof views = JSON.parse((await runTurnpike(before)).output);
  expect(older[0]?.purge.number).toBe(newest - 1);
  const none = await runTurnpike(["purge", "list", "www.none.example", ...world.flags]);
  expect([none.code, none.output]).toEqual([1, expect.stringContaining("no site")]);
}, 60_000);

test("turnpike purge --all-sites: every site of the network, once its zone is said, and only for the operator", async () => {
  const { api, network, flags } = world;
  const old = await served("/img/all.png");
  version++;
  expect(await served("/img/all.png")).toBe(old);
  const args = ["purge", "--all-sites", "--all", "--wait", "--json"];
  for (const more of [[], ["--confirm", "cdn.other"]]) {
    const ran = await runTurnpike([...args, ...more, ...flags]);
    expect([ran.code, ran.output]).toEqual([
      2,
      expect.stringContaining(`expected --confirm ${network.zone}`),
    ]);
  }
  const zone = ["--confirm", String(network.zone)];
  const both = await runTurnpike([...args, ...zone, "--customer", "shop", ...flags]);
  expect([both.code, both.output]).toEqual([2, expect.stringContaining("without a hostname")]);
  const order = { name: "member", scope: "write", customer: "shop" };
  const { token } = await api.must("POST", "/tokens", order);
  const member = await runTurnpike([...args, ...zone, ...flags, "--token", token]);
  expect([member.code, member.output]).toEqual([1, expect.stringContaining("does not allow this")]);
  expect(await served("/img/all.png")).toBe(old);
  const ran = await runTurnpike([...args, ...zone, ...flags]);
  const views: { purge: { site: string }; missing: string[] }[] = JSON.parse(ran.output);
  expect(ran.code).toBe(0);
  expect(views.map(({ purge, missing }) => [purge.site, missing])).toEqual([[HOSTNAME, []]]);
  expect(await served("/img/all.png")).toBe(`v${version}`);
}, 60_000);

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
    ...world.flags,
  ]);
  expect(ran.code).toBe(0);
  expect(await served(encodeURI(path))).toBe(`v${version}`);
  const fragment = await runTurnpike(["purge", HOSTNAME, "/img/a.png#top", ...world.flags]);
  expect([fragment.code, fragment.output]).toEqual([1, expect.stringContaining("no fragment")]);
}, 30_000);

test("a cache that does not answer is named, beside those that did and when", async () => {
  const { network, at, api } = world;
  const [node] = network.nodes as Record<string, unknown>[];
  const late = { ...node, name: "late", roles: ["edge"], addresses: { v4: at(9) } };
  await api.must("POST", "/apply", { network: { ...network, nodes: [node, late] } });
  const args = ["purge", HOSTNAME, "/img/a.png", "--wait-sec", "1", ...world.flags];
  // On a machine that stands still the other one may take longer than that, once.
  const isNamed = async () => {
    const ran = await runTurnpike(args);
    expect(ran.code).toBe(1);
    expect(ran.output).toMatch(/not acknowledged by late; by one \(\d+ ms\) it is/);
    return true;
  };
  await until(isNamed, { what: "it to be named alone", withinMs: 30_000 });
}, 60_000);
