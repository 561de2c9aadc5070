// Caches of one pop that share its sites: which of them a site's own cache name is answered with.
import { describe, expect, test } from "bun:test";
import { type Assignment, NO_ASSIGNMENT } from "../../model/assignment.ts";
import { SHELVES, shelfOf } from "../../policy/steering/mod.ts";
import { decodeMessage, encodeMessage, type Message, makeQuery } from "../../wire/dns/mod.ts";
import { Responder } from "./answer.ts";
import { HealthDiffer, HealthMirror } from "./mirror.ts";
import { compileSteering } from "./steering-bytes.ts";
import { compileWorld, healthOf, WORLD } from "./world.fixture.ts";

const FILE = structuredClone(WORLD);
(FILE.nodes as object[]).push({
  ...{ name: "a2", pop: "oslo", roles: ["edge"] },
  addresses: { v4: "127.1.0.2" },
});
const SNAPSHOT = compileWorld(FILE);
const CACHES = ["node/a", "node/a2"];

/** One shelf is held by the second cache, all others by the first. */
function holding(pop: string, shelf: number): Assignment {
  const at = Array.from({ length: SHELVES }, (_, i) => (i === shelf ? 1 : 0));
  const edges = { north: "node/a" };
  return { ...NO_ASSIGNMENT, edges, shelves: { [pop]: { caches: CACHES, at, sinceMs: 0 } } };
}

describe("shelves", () => {
  test("decide for the sites that stand on them, and are decided anew when they move", () => {
    const responder = new Responder(1);
    responder.load(SNAPSHOT);
    const out = new Uint8Array(1232);
    const ask = (hostname: string) => {
      const bytes = encodeMessage(makeQuery(1, `${hostname}.cdn.example`, 1))!;
      const from = { address: Uint8Array.of(198, 51, 100, 7), addressAt: 0, family: 4 as const };
      const length = responder.answer({ bytes, length: bytes.length, ...from, stream: false }, out);
      const { answers } = decodeMessage(out.slice(0, length)) as Message;
      return answers.map(({ data }) => (data.kind === "address" ? data.address : ""));
    };
    const [shop, img] = ["www.shop.example", "img.shop.example"];
    for (const moved of [shop, img]) {
      responder.observe(healthOf(SNAPSHOT), holding("oslo", shelfOf(moved)));
      expect(ask(shop)).toEqual([moved === shop ? "127.1.0.2" : "127.1.0.1"]);
      expect(ask(img)).toEqual([moved === img ? "127.1.0.2" : "127.1.0.1"]);
    }
  });

  test("are told again only when they hold something else", () => {
    const mirror = new HealthMirror(compileSteering(SNAPSHOT));
    const differ = new HealthDiffer(SNAPSHOT, mirror);
    const tell = (assignment: Assignment) => {
      const patch = differ.diff(healthOf(SNAPSHOT), assignment);
      mirror.apply(patch);
      return patch.shelves;
    };
    const first = holding("oslo", 3);
    expect(tell(first)).toEqual(first.shelves!);
    expect(tell(first)).toBeNull();
    expect(tell(structuredClone(first))).toBeNull();
    expect(tell(holding("oslo", 4))).not.toBeNull();
    expect(tell(holding("rome", 4))).not.toBeNull();
    expect(tell(NO_ASSIGNMENT)).toEqual({});
  });
});
