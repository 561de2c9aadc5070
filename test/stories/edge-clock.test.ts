// A cache's wall clock was wrong, and is set right: nothing is served for longer than it may be.
import { afterAll, beforeAll, expect, test } from "bun:test";
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

test("what came while the clock was a year fast is asked for again once it is set right, and restarted too", async () => {
  const answer = ["Cache-Control: max-age=60, stale-while-revalidate=60", 'ETag: "a"'];
  const get = async () => {
    const reply = await stage.get(`http://${SITE}/fast`);
    return [reply.text, /; hit/.test(reply.headers.get("cache-status") ?? "")];
  };
  stage.clock.step(YEAR_MS);
  origin.say = () => words("200 OK", answer, "old");
  expect(await get()).toEqual(["old", false]);
  for (let i = 0; i < 3; i++) expect(await get()).toEqual(["old", true]);
  stage.clock.step(-YEAR_MS);
  origin.say = () => words("200 OK", answer, "new");
  expect(await get()).toEqual(["new", false]);
  expect(await get()).toEqual(["new", true]);
  stage.clock.step(-YEAR_MS);
  await stage.edge.stop();
  await stage.start();
  origin.say = () => words("200 OK", answer, "newer");
  expect(await get()).toEqual(["newer", false]);
  stage.clock.step(-1_000);
  // A small correction costs nothing.
  expect(await get()).toEqual(["newer", true]);
});
