/** A change travels: file -> intent -> snapshot -> every node, and only what is right does. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";

const MAIN = join(import.meta.dir, "../../src/cli/main.ts");

let world: ControlWorld;
let home = "";
beforeAll(async () => {
  world = await startControlWorld();
  home = await mkdtemp(join(tmpdir(), "turnpike-cli-"));
});
afterAll(async () => {
  await world.stop();
  await rm(home, { recursive: true, force: true });
});

async function turnpike(line: string): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, TURNPIKE_URL: world.control.url, XDG_CONFIG_HOME: home };
  const args = line.split(" ");
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

test("an operator works with the command line, from signing in to rolling back", async () => {
  await writeFile(join(home, "password"), `${OPERATOR.password}\n`);
  await writeFile(join(home, "network.yaml"), NETWORK_YAML);
  const asked = await turnpike("site list");
  expect([asked.code, asked.err]).toEqual([1, expect.stringContaining("turnpike login")]);
  const login = await turnpike(`login --email ${OPERATOR.email} --password-file password`);
  expect([login.code, login.err]).toEqual([0, ""]);

  const diff = await turnpike("diff network.yaml");
  expect([diff.code, diff.out]).toEqual([1, expect.stringContaining("+ customers.shop\n")]);
  const applied = await turnpike("apply network.yaml");
  expect([applied.code, applied.out]).toEqual([0, expect.stringContaining("as snapshot 1\n")]);
  expect((await turnpike("apply network.yaml")).out).toBe("No changes: version 1\n");
  expect((await turnpike("diff network.yaml")).code).toBe(0);

  const added = await turnpike("origin add www.shop.example/c --v4 127.0.2.3 --weight 2");
  expect([added.code, added.err]).toEqual([0, ""]);
  expect(world.published.at(-1)?.origins.map((o) => o.name)).toEqual(["a", "b", "c", "a"]);
  await turnpike("origin drain www.shop.example/a");
  expect(world.published.at(-1)?.origins[0]?.forced).toBe("drain");
  const why = await turnpike("explain www.shop.example --client 198.51.100.7");
  expect(why.out).toContain("drop healthy: draining");

  const back = await turnpike("rollback 1 --json");
  expect(JSON.parse(back.out)).toMatchObject({ published: true, snapshot: { number: 4 } });
  expect(world.published.at(-1)?.origins.map((o) => [o.name, o.forced])).toEqual([
    ["a", "auto"],
    ["b", "auto"],
    ["a", "auto"],
  ]);
}, 90_000);

test("a wrong file is refused whole, each problem at its line, and nothing changes", async () => {
  const before = world.published.length;
  const yaml = NETWORK_YAML.replace("weight: 2", "weight: 200").replace("zone: ", "zoen: ");
  await writeFile(join(home, "wrong.yaml"), yaml);
  const { code, out, err } = await turnpike("apply wrong.yaml");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain(
    "wrong.yaml:23:38: customers.0.sites.0.origins.1.weight: expected a number from 0 to 100: received 200\n",
  );
  expect(err).toContain('wrong.yaml:2:1: zoen: expected no such key: received "cdn.example"\n');
  expect(err).not.toContain("    at ");
  expect(world.published).toHaveLength(before);
  expect((await turnpike("apply none.yaml")).code).toBe(2);
  expect((await turnpike("site list --server http://127.0.0.1:1")).code).toBe(2);
}, 90_000);

test("site add and origin add change what they are told and keep the rest; remove removes", async () => {
  const shown = async () => JSON.parse((await turnpike("site show www.shop.example --json")).out);
  const { site: before } = await shown();
  const done = await turnpike("site add www.shop.example --customer shop --front caches");
  expect([done.code, done.err]).toEqual([0, ""]);
  expect(await turnpike("origin add www.shop.example/b --v4 127.0.2.9")).toMatchObject({ code: 0 });
  const [a, b] = before.origins;
  const after = { ...before, front: "caches", origins: [a, { ...b, v4: "127.0.2.9" }] };
  expect((await shown()).site).toEqual(after);
  expect(await turnpike("origin remove www.shop.example/b")).toMatchObject({ code: 0 });
  expect(await turnpike("site remove www.news.example")).toMatchObject({ code: 0 });
  const left = JSON.parse((await turnpike("site list --json")).out);
  expect(left.map((one: { site: unknown }) => one.site)).toEqual([{ ...after, origins: [a] }]);
}, 90_000);

test("the command line names what is wrong with a flag, and says that there is nothing", async () => {
  const several = await turnpike("key list");
  expect([several.code, several.err]).toEqual([
    2,
    expect.stringContaining("--customer: expected one of shop, news: received nothing\n"),
  ]);
  const weight = await turnpike("origin add www.shop.example/a --weight heavy");
  expect([weight.code, weight.err]).toEqual([
    2,
    expect.stringContaining("--weight: expected a number: received heavy\n"),
  ]);
  const nowhere = await turnpike("origin remove www.nobody.example/a");
  expect([nowhere.code, nowhere.err]).toEqual([1, "turnpike: no site www.nobody.example\n"]);
  const flag = await turnpike("site list --nope");
  expect([flag.code, flag.err]).toEqual([2, expect.stringContaining("(see --help)")]);
  expect(await turnpike("key list --customer shop")).toEqual({
    code: 0,
    out: "No keys\n",
    err: "",
  });
}, 90_000);
