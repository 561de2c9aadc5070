// A cache's wall clock was wrong, and is set right: nothing is served for longer than it may be.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../lab/process.ts";
import { Stage, snapshotOf } from "./edge-stage.ts";
import { RawOrigin, words } from "./raw-origin.ts";

const NET = "127.85";
const SITE = "www.clock.example";
const YEAR_MS = 365 * 86_400_000;

let stage: Stage;
const origin = new RawOrigin();

beforeAll(async () => {
  const { port } = await origin.start(`${NET}.31.1`);
  const origins = [{ name: "o1", v4: `${NET}.31.1`, port }];
  const site = { hostname: SITE, customer: "clock", port, front: "caches" as const, origins };
  stage = await new Stage(snapshotOf([site]), `${NET}.39.1`).start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});

/** What the cache holds on disk, and not what it is writing. */
function filesOf(dir: string): Buffer[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter(({ name }) => /^[0-9a-f]{32}-/.test(name));
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name)));
}

test("what came while the clock was a year fast is asked for again once it is set right, and restarted too", async () => {
  const answer = ["Cache-Control: max-age=60, stale-while-revalidate=60", 'ETag: "a"'];
  const get = async (path = "/fast") => {
    const reply = await stage.get(`http://${SITE}${path}`);
    return [reply.text, /; hit/.test(reply.headers.get("cache-status") ?? "")];
  };
  stage.clock.step(YEAR_MS);
  origin.say = () => words("200 OK", answer, "first");
  expect(await get()).toEqual(["first", false]);
  for (let i = 0; i < 3; i++) expect(await get()).toEqual(["first", true]);
  stage.clock.step(-YEAR_MS);
  origin.say = () => words("200 OK", answer, "second");
  expect(await get()).toEqual(["second", false]);
  const isOnDisk = async () => {
    expect(await get()).toEqual(["second", true]);
    return filesOf(join(stage.dir, "cache")).some((octets) => octets.includes("second"));
  };
  await until(isOnDisk, { what: "it to be on disk" });
  stage.clock.step(-YEAR_MS);
  await stage.edge.stop();
  await stage.start();
  origin.say = () => words("200 OK", answer, "third");
  // Until it has heard of the purge log it asks for all that it holds.
  const hasHeard = async () => (await get("/heard"))[1] === true;
  await until(hasHeard, { what: "the cache to serve what it holds" });
  expect(await get()).toEqual(["third", false]);
  stage.clock.step(-1_000);
  // A small correction costs nothing.
  expect(await get()).toEqual(["third", true]);
});
