// What one customer's web server says at the name that all customers share touches nobody else (H25).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, type Reply, Stage, snapshotOf, ZONE } from "./edge-stage.ts";
import { RawOrigin, words } from "./raw-origin.ts";

const NET = "127.76";
const SITE = "www.clauses.example";

let stage: Stage;
const origin = new RawOrigin();

beforeAll(async () => {
  const { port } = await origin.start(`${NET}.22.1`);
  const origins = [{ name: "o1", v4: `${NET}.22.1`, port }];
  const site = { hostname: SITE, customer: "clauses", port, origins };
  stage = new Stage(snapshotOf([{ ...site, front: "caches" }]), `${NET}.29.2`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});

test("a client of IPv4 is named by its own address where a cache listens to both families", async () => {
  const both = await new Stage(stage.snapshot, "::").start();
  try {
    origin.say = () => words("200 OK", ["Cache-Control: no-store"], "told");
    const at = { address: "127.0.0.1", port: both.edge.httpPort };
    const reply = await ask(at, `http://${SITE}/who`, { fields: {}, method: "GET" });
    expect(reply.text).toBe("told");
    expect(origin.log.at(-1)?.fields.get("x-forwarded-for")).toBe("127.0.0.1");
  } finally {
    await both.stop();
  }
});

const isHit = (reply: Reply) => reply.headers.get("cache-status")?.includes("; hit") ?? false;

describe("a name that customers share", () => {
  test("sandboxes what says two types: browsers take the last (H25)", async () => {
    const types = [
      ["Content-Type: text/plain", "Content-Type: text/html"],
      ["Content-Type: text/plain, text/html"],
      ["Content-Type: image/png;a=b,text/html"],
    ];
    for (const [i, type] of types.entries()) {
      origin.say = () =>
        words("200 OK", ["Cache-Control: max-age=60", ...type], "<script></script>");
      for (const hit of [false, true]) {
        const reply = await stage.get(`http://c.${ZONE}/${SITE}/two-types-${i}`);
        expect([i, isHit(reply), reply.headers.get("content-security-policy")]).toEqual([
          ...[i, hit, "sandbox"],
        ]);
      }
    }
  });

  test("lets through nothing that browsers keep for all of a name (H25)", async () => {
    const kept = ["Accept-CH", "Critical-CH", "Expect-CT", "Public-Key-Pins", "Set-Login"];
    const fields = [...kept, "Use-As-Dictionary", "NEL", "Clear-Site-Data", "Alt-Svc"];
    origin.say = () =>
      words("200 OK", ["Cache-Control: max-age=60", ...fields.map((name) => `${name}: x`)]);
    for (const path of ["/kept", "/kept"]) {
      const reply = await stage.get(`http://c.${ZONE}/${SITE}${path}`);
      expect(fields.filter((name) => reply.headers.has(name))).toEqual([]);
    }
    const own = await stage.get(`http://${SITE}/kept`);
    expect(own.headers.get("accept-ch")).toBe("x");
  });
});
