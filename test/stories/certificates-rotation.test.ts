import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../lab/process.ts";
import type { ClientsTold } from "../lab/tls-clients.ts";
import { CertificatesWorld, issued, SHOP } from "./certificates-world.ts";

const CLIENTS = join(import.meta.dir, "../lab/tls-clients.ts");
const ROUNDS = Number(process.env.TURNPIKE_ROTATIONS ?? 3);
/** Certificates of 250 names each, what one may have: the site itself is in each. */
const PARTS = Number(process.env.TURNPIKE_CERTIFICATES ?? 4);
const NAMES = PARTS * 249;
// Each listener that is left drains for three seconds, and a busy machine hashes passwords for some.
setDefaultTimeout(60_000 + ROUNDS * 10_000 + PARTS * 5_000);

const world = new CertificatesWorld("127.75");
const names = Array.from({ length: NAMES }, (_, i) => `s${i}.shop.example`);

beforeAll(async () => {
  const { address, port } = { address: "127.75.0.1", port: 80 };
  const origins = [{ name: "o1", v4: address, port }];
  const front = "caches" as const;
  await world.start(
    3_000,
    names.map((hostname) => ({ customer: "shop", hostname, port, origins, front })),
  );
});
afterAll(() => world.stop());

test("certificates are rotated under load without a failed request, over HTTP/1.1 and HTTP/2", async () => {
  const { address, edge } = world.stage;
  const clients = Bun.spawn([process.execPath, CLIENTS, address, String(edge.httpsPort), SHOP], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const served = () => world.stage.usageOf("shop", SHOP).requests;
  for (let round = 0; round < ROUNDS; round++) {
    const from = served();
    const { body } = await world.add(issued([SHOP]));
    await world.until(SHOP, ({ serial }) => serial.toLowerCase() === body.serial);
    await until(() => Promise.resolve(served() > from + 50), {
      ...{ what: "clients to go on", withinMs: 20_000, everyMs: 10 },
    });
  }
  clients.stdin.end();
  const told = JSON.parse(await new Response(clients.stdout).text()) as ClientsTold;
  expect(told.failed).toEqual([]);
  expect(Math.min(...Object.values(told.answered))).toBeGreaterThan(ROUNDS);
  // Both were moved over: nothing stayed with a listener that was to end.
  expect(told.asked.close).toBeGreaterThan(0);
  expect(told.asked.goaway).toBeGreaterThan(0);
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence !== undefined) {
    const { failed, ...counts } = told;
    const text = JSON.stringify({ rotations: ROUNDS, failed: failed.length, ...counts }, null, 2);
    writeFileSync(evidence, `${text}\n`);
  }
});

test("of many names each gets its own certificate", async () => {
  const parts = Array.from({ length: PARTS }, (_, i) => names.slice(i * 249, i * 249 + 249));
  const serials = new Map<string, string>();
  for (const part of parts) {
    const { status, body } = await world.add(issued([...part, SHOP]));
    expect(status).toBe(201);
    for (const name of part) serials.set(name, body.serial);
  }
  for (const name of [0, 248, 249, 611, NAMES - 1].map((n) => `s${n}.shop.example`)) {
    const shown = await world.until(name, ({ serial }) => {
      return serial.toLowerCase() === serials.get(name);
    });
    expect(shown.names).toContain(name);
  }
  expect((await world.shown(`s${NAMES}.shop.example`)).names).toBe("DNS:c.cdn.example");
});
