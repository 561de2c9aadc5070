import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { request } from "node:http";
import { until, ZONE } from "./edge-stage.ts";
import { EdgeWorld, NEWS, SHOP } from "./edge-world.ts";

const w = new EdgeWorld("127.85");
beforeAll(() => w.start());
afterAll(() => w.stop());
beforeEach(() => w.calm());

describe("a purge", () => {
  test("takes all variants and forms of a URL away before it is acknowledged", async () => {
    const url = `http://${SHOP}.${ZONE}/purged.png?vary=accept-encoding`;
    await w.stage.get(url, { "accept-encoding": "gzip" });
    await w.stage.get(url, { "accept-encoding": "br" });
    await w.stage.get(url);
    w.version = 3;
    await w.stage.purge("shop", SHOP, "/purged.png?vary=accept-encoding");
    for (const encoding of ["gzip", "br", "identity"]) {
      const reply = await w.stage.get(url, { "accept-encoding": encoding });
      expect(reply.text).toContain(" v3 ");
    }
    w.version = 1;
  });

  for (const size of [0, 3_000_000]) {
    test(`reaches what is being fetched, of ${size} bytes: those who come later do not get it`, async () => {
      const hold = Promise.withResolvers<void>();
      w.gate = hold.promise;
      const path = `/in-flight.png?size=${size}`;
      const url = `http://${SHOP}.${ZONE}${path}`;
      const early = w.stage.get(url);
      await until(() => w.origins[1]!.log.length === 1);
      await w.stage.purge("shop", SHOP, path);
      w.gate = Promise.resolve();
      w.version = 4;
      const late = await w.stage.get(url);
      expect(late.text).toContain(" v4 ");
      const stored = "edge-1; fwd=uri-miss; fwd-status=200; stored";
      expect(late.headers.get("cache-status")).toBe(stored);
      hold.resolve();
      const { text, headers } = await early;
      expect(text).toContain(" v1 ");
      // It is not kept, and does not say that it is.
      expect(headers.get("cache-status")).toBe("edge-1; fwd=uri-miss; fwd-status=200");
      expect((await w.stage.get(url)).text).toContain(" v4 ");
      w.version = 1;
    });
  }

  test("of one customer leaves another's object of the same path", async () => {
    await w.stage.get(`http://c.${ZONE}/${NEWS}/same.png`);
    await w.stage.get(`http://c.${ZONE}/${SHOP}/same.png`);
    await w.stage.purge("news", NEWS, "/same.png");
    const reply = await w.stage.get(`http://c.${ZONE}/${SHOP}/same.png`);
    expect(reply.headers.get("cache-status")).toStartWith("edge-1; hit");
  });
});

/** A large body is a hit once the disk has confirmed it. */
async function untilHit(url: string) {
  const end = performance.now() + 20_000;
  for (;;) {
    const reply = await w.stage.get(url);
    if (reply.headers.get("cache-status")!.startsWith("edge-1; hit")) return reply;
    expect(performance.now()).toBeLessThan(end);
    await Bun.sleep(5);
  }
}

describe("the disk tier", () => {
  test("serves after a restart, but not what was purged, and validates while it is behind", async () => {
    const kept = `http://${SHOP}.${ZONE}/kept.png`;
    const gone = `http://${SHOP}.${ZONE}/gone.png`;
    const missed = `http://${SHOP}.${ZONE}/missed.png`;
    // What is asked for again is worth its place on disk.
    for (const url of [kept, gone, missed, kept, gone, missed]) await w.stage.get(url);
    await w.stage.purge("shop", SHOP, "/gone.png");
    await w.stage.edge.stop();
    // A purge while it is away, and a log that it cannot reach when it comes back.
    const number = w.stage.purgeLog.length + 1;
    w.stage.purgeLog.push({ number, atMs: 0, customer: "shop", site: SHOP, path: "/missed.png" });
    w.stage.logAnswers = false;
    w.version = 5;
    await w.stage.start();
    expect((await w.stage.get(missed)).text).toContain(" v5 ");
    expect((await w.stage.get(gone)).text).toContain(" v5 ");
    w.version = 1;
    const validated = await w.stage.get(kept);
    expect(validated.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=304; stored");
    w.stage.logAnswers = true;
    await until(() => w.stage.acks.some((ack) => ack.number === number));
    await w.stage.edge.stop();
    await w.stage.start();
    await until(() => w.stage.edge !== undefined);
    const before = w.asked();
    await untilHit(kept);
    expect(w.asked().reduce((a, b) => a + b) - before.reduce((a, b) => a + b)).toBeLessThan(3);
  });

  test("takes a large body while it is delivered, and cuts ranges from it later", async () => {
    const size = 3_000_000;
    const url = `http://${SHOP}.${ZONE}/large.bin?size=${size}`;
    const first = await w.stage.get(url);
    expect([first.status, first.body.length]).toEqual([200, size]);
    const second = await untilHit(url);
    expect(second.body.equals(first.body)).toBe(true);
    const part = await w.stage.get(url, { range: "bytes=262140-600000" });
    expect(part.status).toBe(206);
    expect(part.body.equals(first.body.subarray(262_140, 600_001))).toBe(true);
  });

  test("a large body on its way when its object is purged comes whole; who asks then gets the new one", async () => {
    for (const size of [3_000_000, 17_500_000]) {
      const path = `/going.bin?size=${size}`;
      const url = `http://${SHOP}.${ZONE}${path}`;
      const of = (body: Buffer) => /v\d+/.exec(body.toString("latin1", 0, 100))?.[0];
      for (const scope of ["url", "prefix"] as const) {
        await untilHit(url);
        // Some that have begun to read and stopped, and some that the purge meets anywhere.
        const reading = Promise.withResolvers<void>();
        let begun = 0;
        const paused = Array.from({ length: 3 }, () =>
          paced(url, () => (begun++ < 3 ? reading.promise : Promise.resolve())),
        );
        await until(() => begun === 3, 30_000);
        const any = Array.from({ length: 6 }, () => w.stage.get(url));
        w.version++;
        await w.stage.purge("shop", SHOP, scope === "url" ? path : "/going", { scope });
        const after = await w.stage.get(url);
        expect([after.body.length, of(after.body)]).toEqual([size, `v${w.version}`]);
        reading.resolve();
        for (const body of await Promise.all(paused)) {
          expect([body.length, of(body)]).toEqual([size, `v${w.version - 1}`]);
        }
        const versions = [`v${w.version - 1}`, `v${w.version}`];
        for (const { status, body } of await Promise.all(any)) {
          expect([status, body.length, versions.includes(of(body) ?? "")]).toEqual([
            200,
            size,
            true,
          ]);
        }
      }
    }
    w.version = 1;
  }, 60_000);
});

/** A body read at a pace of one's own. */
function paced(url: string, pace: () => Promise<void>): Promise<Buffer> {
  const { host, pathname, search } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const at = { host: w.stage.address, port: w.stage.edge.httpPort, agent: false };
  const asking = request({ ...at, path: pathname + search, headers: { host } });
  asking.on("error", reject);
  asking.on("response", async (response) => {
    const parts: Buffer[] = [];
    try {
      for await (const part of response) {
        parts.push(part as Buffer);
        await pace();
      }
      resolve(Buffer.concat(parts));
    } catch (fault) {
      reject(fault);
    }
  });
  asking.end();
  return promise;
}
