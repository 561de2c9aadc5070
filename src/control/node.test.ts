import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

let world: ControlWorld;
let headers: Record<string, string>;

beforeAll(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
}, 30_000);
afterAll(() => world.stop());

function patch(name: string, body: unknown) {
  return world.call<Record<string, unknown>>("PATCH", `/nodes/${name}`, { headers, body });
}

test("a node's word and its end are published at once, and a new word has no end of the old one", async () => {
  const until = "2030-01-01T00:00:00Z";
  const drained = await patch("lon-1", { state: "drain", until });
  expect(drained.status).toBe(200);
  const nodeOf = () => world.published.at(-1)!.nodes.find((node) => node.name === "lon-1")!;
  expect(nodeOf()).toMatchObject({ forced: "drain", forcedUntilMs: Date.parse(until) });
  await patch("lon-1", { state: "down" });
  expect(nodeOf()).toMatchObject({ forced: "down" });
  expect(nodeOf().forcedUntilMs).toBeUndefined();
  await patch("lon-1", { state: "auto" });
  expect(nodeOf()).toMatchObject({ forced: "auto" });
  const same = await patch("lon-1", { state: "auto" });
  expect(same.body).toMatchObject({ changes: [], snapshot: null });
});

test("what cannot be is refused: no such node, a time for auto, a word that is none", async () => {
  expect((await patch("nowhere", { state: "up" })).status).toBe(404);
  const until = "2030-01-01T00:00:00Z";
  const ended = await patch("lon-1", { state: "auto", until });
  expect(ended.status).toBe(422);
  expect((await patch("lon-1", { state: "gone" })).status).toBe(422);
});
