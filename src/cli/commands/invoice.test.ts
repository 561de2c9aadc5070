import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../control/control-world.ts";
import { noUsage } from "../../model/usage.ts";
import { checkWords } from "./invoice.ts";
import { usageWords } from "./usage.ts";

const MAIN = join(import.meta.dir, "../main.ts");
let world: ControlWorld;
let token: string;

beforeAll(async () => {
  world = await startControlWorld();
  const headers = await world.token(OPERATOR);
  token = (headers.authorization ?? "").slice("Bearer ".length);
  await world.call("POST", "/apply", { body: { yaml: NETWORK_YAML }, headers });
  const counts = { ...noUsage(), requests: 10, hits: 7, bytesOut: 123_456 };
  const entries = [{ customer: "shop", site: "www.shop.example", ...counts }];
  const [fromMs, toMs] = [world.clock.wallMs(), world.clock.wallMs() + 500];
  const batch = { node: "lon-1", epoch: "e", seq: 1, fromMs, toMs, entries };
  await world.bus.request("usage.batch", batch, 1000);
});
afterAll(() => world.stop());

async function turnpike(...args: string[]) {
  const command = [process.execPath, MAIN, ...args, "--server", world.control.url];
  const env = { ...process.env, TURNPIKE_TOKEN: token };
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", stdin: "ignore", env });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

test("usage and invoices go from the ledger to the command line, and back as paid", async () => {
  const period = new Date(world.clock.wallMs()).toISOString().slice(0, 7);
  const usage = await turnpike("usage", "shop", "--from", "2027-01-01", "--to", "2027-02-01");
  expect([usage.code, usage.err]).toEqual([0, ""]);
  expect(usage.out).toContain("www.shop.example  lon-1  10        7     123456");
  const early = await turnpike("invoice", "create", "shop", "--period", period);
  expect([early.code, early.out]).toEqual([1, ""]);
  expect(early.err).toContain("period: expected a month that is over");
  const made = await turnpike("invoice", "create", "shop", "--period", period, "--up-to-now");
  expect(made.out).toContain("Invoice TP-000001: shop, 2027-01, plan flat");
  expect(made.out).toContain("Total 10.00 EUR");
  const verified = await turnpike("invoice", "verify", "TP-000001");
  expect([verified.code, verified.out]).toEqual([
    0,
    "TP-000001 is equal: 10.00 from 1 ledger batches read again\n",
  ]);
  const paid = await turnpike("invoice", "pay", "TP-000001", "--json");
  expect(JSON.parse(paid.out)).toMatchObject({ id: "TP-000001", state: "paid" });
  const list = await turnpike("invoice", "list", "shop");
  expect(list.out).toMatch(/TP-000001 {2}2027-01 {2}flat {2}10\.00 EUR {2}paid/);
  const none = await turnpike("invoice", "show", "TP-000009");
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining("nothing at this name") });
}, 30_000);

test("usageWords() sums the rows, or says that there are none", () => {
  expect(usageWords([])).toEqual(["Nothing was metered in this time"]);
  const row = { customer: "shop", site: "a", node: "n", from: "F", to: "T", ...noUsage() };
  const words = usageWords([
    { ...row, requests: 1, bytesOut: 2 },
    { ...row, node: "m", requests: 10, bytesOut: 20 },
  ]);
  expect(words.at(-1)).toBe("total        11        0     22         0         0");
});

test("checkWords() lists every difference", () => {
  const check = { id: "TP-000001", equal: false, batches: 3, total: "1.00" };
  expect(checkWords({ ...check, differences: ["one", "two"] })).toEqual([
    "TP-000001 differs:",
    "  one",
    "  two",
  ]);
});
