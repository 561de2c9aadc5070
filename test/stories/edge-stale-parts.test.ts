// Parts of what is held and not fresh any more: when they are served, and what they cost its server.
import { describe, expect, test } from "bun:test";
import { until } from "./edge-stage.ts";
import { LARGE, StaleStage, said } from "./edge-stale-stage.ts";

const w = new StaleStage("127.87.41");
const { get, onDisk, eventually, hold, away } = w;

describe("in slices, and stale", () => {
  const near = { range: "bytes=7-9" };
  const far = { range: "bytes=1500000-1500009" };
  const elsewhere = { range: "bytes=2500000-2500009" };

  /** Two slices of it are held, and not fresh any more. */
  async function inSlices(name: string, cc: string): Promise<string> {
    const path = `/${LARGE}/${name}?parts&cc=${cc}`;
    for (const fields of [near, far]) expect((await get(path, fields)).text[0]).toBe("1");
    w.stage.clock.advance(61_000);
    w.origin.log.length = 0;
    return path;
  }

  test("what is held stands in for an error, for all who want it, and nothing else does", async () => {
    const path = await inSlices("error", "max-age=60, stale-if-error=600");
    w.failing = 503;
    const letGo = hold();
    const replies = Array.from({ length: 6 }, (_, i) => get(path, i % 2 === 0 ? near : far));
    const other = get(path, elsewhere);
    await until(() => w.origin.log.length > 0);
    letGo();
    for (const [i, reply] of (await Promise.all(replies)).entries()) {
      expect([reply.status, said(reply)]).toEqual([206, "v1 stale-if-error"]);
      const where = i % 2 === 0 ? "7-9" : "1500000-1500009";
      expect(reply.headers.get("content-range")).toBe(`bytes ${where}/${LARGE}`);
    }
    expect((await other).status).toBe(503);
    w.failing = null;
    expect(said(await get(path, far))).toBe("v1 fetched");
    expect(said(await get(path, near))).toBe("v1 hit");
  });

  test("what is held stands in where no server can be reached, and nothing forbids it", async () => {
    const open = await inSlices("unreached", "max-age=60");
    const strict = `/${LARGE}/strict?parts&cc=max-age=60, must-revalidate`;
    await get(strict, near);
    w.stage.clock.advance(61_000);
    const back = await away();
    const replies = [await get(open, near), await get(open, { range: "bytes=7-" })];
    replies.push(await get(strict, near));
    back();
    expect(replies.map(({ status }) => status)).toEqual([206, 502, 502]);
    expect(said(replies[0]!)).toBe("v1 stale-if-error");
    // It was asked for because what is held is stale, though that is not what is served.
    expect(replies[2]!.headers.get("cache-status")).toBe("edge-1; fwd=stale; detail=no-answer");
  });

  for (const [what, change] of [
    ["gone", () => (w.failing = 404)],
    ["private", () => (w.control = "private")],
  ] as const) {
    test(`what its server said is ${what} does not stand in`, async () => {
      const path = await inSlices(what, "max-age=60, stale-if-error=600");
      change();
      await get(path, near);
      // Nobody remembers for long that it was private.
      w.stage.clock.advance(11_000);
      w.failing = 503;
      expect((await get(path, near)).status).toBe(503);
      expect((await get(path, far)).status).toBe(503);
    });
  }

  for (const changes of [false, true]) {
    const what = changes ? "what changed" : "what is the same";
    test(`${what} is served while it is renewed, for all at once, by one slice`, async () => {
      const name = `meanwhile-${changes}`;
      const path = await inSlices(name, "max-age=60, stale-while-revalidate=600");
      if (changes) w.version = 2;
      w.sent = 0;
      const letGo = hold();
      const replies = await Promise.all([near, far, near, far].map((part) => get(path, part)));
      for (const reply of replies) expect(said(reply)).toBe("v1 stale-while-revalidate");
      letGo();
      await eventually(path, `v${w.version} hit`, near);
      expect([w.origin.log.length, w.sent]).toEqual([1, 512 * 1024]);
      expect((await get(path, far)).text[0]).toBe(String(w.version));
    });
  }
});

describe("a part of what is held whole, large and stale (H12)", () => {
  const far = { range: "bytes=2500000-2500009" };
  const SLICE = 512 * 1024;

  async function stale(name: string, cc = "max-age=60"): Promise<string> {
    const path = `/${LARGE}/${name}&cc=${cc}`;
    await onDisk(path);
    w.stage.clock.advance(61_000);
    return path;
  }

  for (const how of ["parts", "parts=first"]) {
    const server = how === "parts" ? "its server" : "a server that looks at ranges first";
    test(`costs ${server} one slice at most where it is the same, which is held on`, async () => {
      const path = await stale(`same?${how}`);
      const reply = await get(path, far);
      expect([reply.status, said(reply)]).toEqual([206, "v1 fetched"]);
      expect(reply.headers.get("content-range")).toBe(`bytes 2500000-2500009/${LARGE}`);
      expect(reply.headers.get("cache-status")).toContain("fwd=stale");
      const all = await get(path);
      expect([said(all), all.body.byteLength]).toEqual(["v1 hit", LARGE]);
      expect(w.origin.log.length).toBe(1);
      expect(w.sent).toBeLessThanOrEqual(how === "parts" ? 0 : SLICE);
    });

    test(`costs ${server} one slice where it changed`, async () => {
      const path = await stale(`other?${how}`);
      w.version = 2;
      const reply = await get(path, far);
      expect([reply.status, said(reply), reply.text.length]).toEqual([206, "v2 fetched", 10]);
      expect(reply.headers.get("content-range")).toBe(`bytes 2500000-2500009/${LARGE}`);
      expect(said(await get(path, far))).toBe("v2 hit");
      expect([w.origin.log.length, w.sent]).toEqual([1, SLICE]);
      const all = await get(path);
      expect([said(all), all.body.byteLength]).toEqual(["v2 fetched", LARGE]);
    });
  }

  test("is of what it is now for all who wait, whatever part of it they want", async () => {
    const path = await stale("many?parts");
    w.version = 2;
    const letGo = hold();
    const parts = Array.from({ length: 6 }, () => get(path, far));
    const whole = get(path);
    await until(() => w.origin.log.length > 0);
    letGo();
    for (const { text } of await Promise.all(parts)) expect(text).toBe("2222222222");
    const all = await whole;
    expect([all.text[0], all.body.byteLength]).toEqual(["2", LARGE]);
    expect(w.sent).toBeLessThanOrEqual(LARGE + SLICE);
  });

  test("is what was held while it is validated, and costs one slice behind it", async () => {
    const path = await stale("meanwhile?parts", "max-age=60, stale-while-revalidate=600");
    w.version = 2;
    expect(said(await get(path, far))).toBe("v1 stale-while-revalidate");
    await eventually(path, "v2 hit", far);
    expect([w.origin.log.length, w.sent]).toEqual([1, SLICE]);
  });

  test("is what was held where its server fails", async () => {
    const path = await stale("failing?parts", "max-age=60, stale-if-error=600");
    w.failing = 503;
    expect(said(await get(path, far))).toBe("v1 stale-if-error");
    w.failing = null;
    expect(said(await get(path, far))).toBe("v1 fetched");
    expect(said(await get(path))).toBe("v1 hit");
    expect(w.sent).toBe(0);
  });

  test("is one of what was small before, too", async () => {
    const path = "/9/small?parts";
    await get(path);
    w.stage.clock.advance(61_000);
    [w.version, w.size] = [2, LARGE];
    const reply = await get(path, far);
    expect([reply.status, said(reply), reply.text.length]).toEqual([206, "v2 fetched", 10]);
    expect(w.origin.log.map(({ headers }) => headers.get("range"))).toEqual([
      ...[null, null, "bytes=2097152-2621439"],
    ]);
    expect(said(await get(path, far))).toBe("v2 hit");
  });

  test("does not have all of it fetched behind it where it was small before", async () => {
    const path = "/9/small-behind?parts&cc=max-age=60, stale-while-revalidate=600";
    await get(path);
    w.stage.clock.advance(61_000);
    [w.version, w.size] = [2, LARGE];
    const one = { range: "bytes=7-8" };
    expect(said(await get(path, one))).toBe("v1 stale-while-revalidate");
    await eventually(path, "v2 hit", one);
    expect(w.origin.log.at(-1)!.headers.get("range")).toBe("bytes=0-524287");
  });

  test("comes of the whole from a server that has no parts", async () => {
    const path = await stale("whole?none");
    w.version = 2;
    const reply = await get(path, far);
    expect([reply.text[0], reply.status]).toEqual(["2", 200]);
    expect(reply.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=200; stored");
    await eventually(path, "v2 hit");
    expect(w.origin.log.length).toBe(1);
  });
});
