// What is held and not fresh any more: when it is served all the same.
import { describe, expect, test } from "bun:test";
import { until } from "./edge-stage.ts";
import { LARGE, SITE, StaleStage, said } from "./edge-stale-stage.ts";

const w = new StaleStage("127.87.40");
const { get, onDisk, eventually, hold } = w;

for (const [name, at] of [
  ["one process", () => w.stage],
  ["a worker and its keeper", () => w.crew],
] as const) {
  describe(`after a soft purge, of ${name}`, () => {
    const windows = "max-age=10, stale-while-revalidate=600, stale-if-error=600";
    const here = (path: string) => get(path, {}, at());

    for (const age of [5_000, 20_000]) {
      const when = age < 10_000 ? "fresh until then" : "in its stale-while-revalidate window";
      test(`what is ${when} is not served before its server was asked`, async () => {
        const path = `/9/soft-${age}?cc=${windows}`;
        expect(said(await here(path))).toBe("v1 fetched");
        at().clock.advance(age);
        await at().purge("stale", SITE, "/", { scope: "site", soft: true });
        w.version = 2;
        expect(said(await here(path))).toBe("v2 fetched");
      });

      test(`what is ${when} stands in where its server fails, which is asked each time`, async () => {
        const path = `/9/soft-error-${age}?cc=${windows}`;
        await here(path);
        at().clock.advance(age);
        await at().purge("stale", SITE, path, { soft: true });
        w.failing = 503;
        w.origin.log.length = 0;
        expect(said(await here(path))).toBe("v1 stale-if-error");
        expect(said(await here(path))).toBe("v1 stale-if-error");
        expect(w.origin.log.length).toBe(2);
      });

      test(`what is ${when} stands in so for all who wait for it`, async () => {
        const path = `/9/soft-many-${age}?cc=${windows}`;
        await here(path);
        at().clock.advance(age);
        await at().purge("stale", SITE, path, { soft: true });
        w.failing = 503;
        const letGo = hold();
        const replies = Array.from({ length: 5 }, () => here(path));
        await until(() => w.origin.log.length === 2);
        letGo();
        for (const reply of await Promise.all(replies)) {
          expect(said(reply)).toBe("v1 stale-if-error");
        }
        w.failing = null;
        w.version = 2;
        expect(said(await here(path))).toBe("v2 fetched");
      });
    }
  });
}

describe("on disk, in its stale-while-revalidate window", () => {
  const windows = "max-age=60, stale-while-revalidate=30";

  test("a large object is served at once, and confirmed once behind it", async () => {
    const path = `/${LARGE}/same?cc=${windows}`;
    await onDisk(path);
    w.stage.clock.advance(61_000);
    const letGo = hold();
    const replies = await Promise.all([get(path), get(path), get(path, { range: "bytes=7-9" })]);
    for (const reply of replies) expect(said(reply)).toBe("v1 stale-while-revalidate");
    expect(replies.map((reply) => reply.body.byteLength)).toEqual([LARGE, LARGE, 3]);
    letGo();
    await eventually(path, "v1 hit");
    expect(w.origin.log.map(({ headers }) => headers.get("if-none-match"))).toEqual(['"v1"']);
  });

  for (const fields of [{}, { "if-none-match": '"v1"' }]) {
    const how = "if-none-match" in fields ? "asked for with a condition" : "asked for";
    test(`a large object that changed is served at once, and fetched once when ${how}`, async () => {
      const path = `/${LARGE}/other-${Object.keys(fields).length}?cc=${windows}`;
      await onDisk(path);
      w.stage.clock.advance(61_000);
      w.version = 2;
      const before = w.stage.usageOf("stale", SITE).bytesIn;
      const first = await get(path, fields);
      expect(first.headers.get("cache-status")).toContain("detail=stale-while-revalidate");
      expect([first.headers.get("etag"), first.status === 304]).toEqual([
        '"v1"',
        "if-none-match" in fields,
      ]);
      await eventually(path, "v2 hit");
      expect(w.origin.log.length).toBe(1);
      expect(w.stage.usageOf("stale", SITE).bytesIn - before).toBe(LARGE);
    });
  }

  test("what is purged while it is renewed is served no more, nor what was on its way", async () => {
    const path = `/${LARGE}/purged?cc=${windows}`;
    await onDisk(path);
    w.stage.clock.advance(61_000);
    w.version = 2;
    const letGo = hold();
    expect(said(await get(path))).toBe("v1 stale-while-revalidate");
    await until(() => w.origin.log.length === 1);
    await w.stage.purge("stale", SITE, path);
    w.version = 3;
    w.gate = Promise.resolve();
    expect(said(await get(path))).toBe("v3 fetched");
    letGo();
    await eventually(path, "v3 hit");
    expect(w.origin.log.length).toBe(2);
  });

  test("an object is served on where its server fails, and its server asked each time", async () => {
    const path = `/${LARGE}/failing?cc=${windows}`;
    await onDisk(path);
    w.stage.clock.advance(61_000);
    w.failing = 503;
    // While its server is asked it is not asked again.
    while (w.origin.log.length < 3) expect(said(await get(path))).toBe("v1 stale-while-revalidate");
  });

  test("an object is served no more once it has become too large to be kept", async () => {
    const path = `/${LARGE}/grown?cc=${windows}`;
    await onDisk(path, w.crew);
    w.crew.clock.advance(61_000);
    w.version = 2;
    w.size = 7_000_000;
    expect(said(await get(path, {}, w.crew))).toBe("v1 stale-while-revalidate");
    await eventually(path, "v2 fetched", {}, w.crew);
  });

  test("a small object that outlived a restart is served at once, too", async () => {
    const path = `/9/restart?cc=${windows}`;
    await onDisk(path);
    await w.stage.edge.stop();
    await w.stage.start();
    w.stage.clock.advance(61_000);
    const letGo = hold();
    expect(said(await get(path))).toBe("v1 stale-while-revalidate");
    letGo();
    await eventually(path, "v1 hit");
    expect(w.origin.log.length).toBe(1);
  });

  test("nothing is asked for a client that wants only what is held", async () => {
    const path = `/${LARGE}/only?cc=${windows}`;
    await onDisk(path);
    w.stage.clock.advance(61_000);
    const reply = await get(path, { "cache-control": "only-if-cached" });
    expect(said(reply)).toBe("v1 stale-while-revalidate");
    expect(w.origin.log.length).toBe(0);
  });
});
