// What one client says of itself is honoured, and takes nothing from the others: what they get is kept, what is held
// stays held, and they wait for one fetch (H18, H19).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const SHOP = "www.shop.example";
/** What a client says, and of which paths answers to it are not kept. */
const SAYINGS = [
  ["no-store", "/told", { "cache-control": "no-store" }],
  ["Authorization", "/told", { authorization: "Basic eDp5" }],
  ["a cookie", "/guessed", { cookie: "a=b" }],
] as const;

let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);
/** Answers wait for it. */
let held: Promise<void> = Promise.resolve();

beforeAll(async () => {
  origin = startOrigin("127.84.2.1", 0, async (request) => {
    await held;
    const { pathname } = new URL(request.url);
    const date = new Date(stage.clock.wallMs()).toUTCString();
    const told = pathname.includes("/told");
    const headers: Record<string, string> = told
      ? { "cache-control": "max-age=60" }
      : { "last-modified": "Sun, 01 Nov 2026 12:00:00 GMT" };
    Object.assign(headers, { date, etag: '"a"' });
    const isSame = request.headers.get("if-none-match") === '"a"';
    return new Response(isSame ? null : "all get this", { status: isSame ? 304 : 200, headers });
  });
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const site = { hostname: SHOP, customer: "shop", port: origin.port, front: "caches" as const };
  stage = new Stage(snapshotOf([{ ...site, origins }]), "127.84.2.9");
  await stage.start({ tls: selfSigned([SHOP], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
});

const became = ({ headers }: { readonly headers: Headers }) => headers.get("cache-status") ?? "";

for (const [via, get] of ways.both) {
  describe.each(SAYINGS)(`%s over ${via}`, (what, path, fields) => {
    const url = (name: string) => `http://${SHOP}/${via.replace(/\D/g, "")}/${what}${path}${name}`;

    test("is not kept, and what the next one gets is", async () => {
      for (let i = 0; i < 2; i++) {
        expect(became(await get(url("/a"), { fields }))).not.toContain("stored");
      }
      expect(became(await get(url("/a")))).toContain("; stored");
      expect(became(await get(url("/a"), { fields }))).toContain("; hit");
      expect(origin.log.length).toBe(3);
    });

    test("leaves what is held and was confirmed as it is", async () => {
      await get(url("/b"));
      stage.clock.advance(200_000_000);
      for (const method of ["GET", "HEAD"]) {
        const own = await get(url("/b"), { fields, method });
        expect([own.status, became(own)]).toEqual([200, expect.not.stringContaining("stored")]);
      }
      const next = await get(url("/b"));
      expect([next.text, became(next)]).toEqual([
        "all get this",
        "edge-1; fwd=stale; fwd-status=304; stored",
      ]);
      expect(became(await get(url("/b")))).toContain("; hit");
    });

    test("has nobody else who waits fetch alone", async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      const own = get(url("/c"), { fields });
      await until(() => origin.log.length === 1);
      const others = Array.from({ length: 10 }, () => get(url("/c")));
      // Over HTTP/2 they have all been heard once this is answered.
      await get(`http://${SHOP}/.well-known/turnpike/health`);
      resolve();
      expect(became(await own)).not.toContain("stored");
      for (const { text } of await Promise.all(others)) expect(text).toBe("all get this");
      expect(origin.log.length).toBe(2);
    });
  });
}
