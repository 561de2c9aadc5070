import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { healthOf, until, ZONE } from "./edge-stage.ts";
import { EdgeWorld, NEWS, SHOP } from "./edge-world.ts";

const w = new EdgeWorld("127.84");
beforeAll(() => w.start());
afterAll(() => w.stop());
beforeEach(() => w.calm());

describe("a thousand clients at once", () => {
  test("make one fetch of an object that may be shared", async () => {
    const hold = Promise.withResolvers<void>();
    w.gate = hold.promise;
    const url = `http://${SHOP}.${ZONE}/stampede.png`;
    const replies = Array.from({ length: 200 }, () => w.stage.get(url));
    await until(() => w.origins[1]!.log.length > 0);
    hold.resolve();
    w.gate = Promise.resolve();
    const bodies = new Set((await Promise.all(replies)).map((reply) => reply.text));
    expect([...bodies]).toHaveLength(1);
    expect(w.asked()).toEqual([0, 1, 0]);
  });
});

describe("origins", () => {
  test("the lowest load at the moment of the miss decides, not where the page came from", async () => {
    const url = (n: number) => `http://${SHOP}.${ZONE}/steer-${n}.png`;
    await w.stage.get(url(1));
    w.stage.health = healthOf({ [`${SHOP}/o1`]: 0.05, [`${SHOP}/o2`]: 0.8, [`${SHOP}/o3`]: 0.9 });
    await w.stage.get(url(2));
    expect(w.asked()).toEqual([1, 1, 0]);
    expect(w.stage.edge.drainStats().fetches[`${SHOP}/o1`]).toBeGreaterThanOrEqual(1);
  });

  test("one that is gone is replaced by the next within the request", async () => {
    await w.origins[1]!.stop();
    const reply = await w.stage.get(`http://${SHOP}.${ZONE}/retry.png`);
    expect([reply.status, w.asked()]).toEqual([200, [1, 0, 0]]);
    expect(reply.text).toContain("127.84");
    w.origins[1] = w.revive(w.origins[1]!);
  });

  test("when all fail the answer is 502 and is not kept", async () => {
    await w.stopShop();
    const url = `http://${SHOP}.${ZONE}/all-down.png`;
    const reply = await w.stage.get(url);
    expect(reply.status).toBe(502);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    w.origins = w.origins.map((origin) => w.revive(origin));
    expect((await w.stage.get(url)).status).toBe(200);
  });

  test("an origin's answer that is cut short is neither stored nor passed off as whole (H5)", async () => {
    const url = `http://${SHOP}.${ZONE}/cut.png`;
    await w.stopShop();
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    const cut = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.end(
          "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nshort",
        );
      });
    });
    cut.listen(w.origins[1]!.port, w.origins[1]!.address, resolve);
    await listening;
    expect((await w.stage.get(url)).status).toBe(502);
    cut.close();
    w.origins = w.origins.map((origin) => w.revive(origin));
    const again = await w.stage.get(url);
    expect(again.headers.get("cache-status")).toContain("fwd=uri-miss");
    expect(again.text).toContain("/cut.png");
  });
});

describe("stale objects", () => {
  test("a large one is validated without being fetched or written again", async () => {
    const url = `http://${SHOP}.${ZONE}/large-stale.bin?size=2500000`;
    const first = await w.stage.get(url);
    // It is a hit once the disk has confirmed it.
    const end = performance.now() + 20_000;
    while (!(await w.stage.get(url)).headers.get("cache-status")!.includes("; hit")) {
      expect(performance.now()).toBeLessThan(end);
      await Bun.sleep(5);
    }
    w.stage.clock.advance(61_000);
    const replies = await Promise.all([w.stage.get(url), w.stage.get(url), w.stage.get(url)]);
    const statuses = replies.map((reply) => reply.headers.get("cache-status"));
    expect(statuses).toContain("edge-1; fwd=stale; fwd-status=304; stored");
    for (const reply of replies) expect(reply.body.equals(first.body)).toBe(true);
    const hit = await w.stage.get(url, { range: "bytes=0-9" });
    expect([hit.status, hit.headers.get("age")]).toEqual([206, "0"]);
  });

  test("one that may be is served at once and validated once behind the clients' backs", async () => {
    const url = `http://${NEWS}/swr?cc=max-age=60,stale-while-revalidate=30`;
    await w.stage.get(url);
    w.news.log.length = 0;
    w.stage.clock.advance(61_000);
    let let_go = () => {};
    w.gate = new Promise((resolve) => {
      let_go = resolve;
    });
    w.version++;
    const replies = await Promise.all([w.stage.get(url), w.stage.get(url), w.stage.get(url)]);
    for (const reply of replies) {
      expect(reply.headers.get("cache-status")).toContain("hit; ttl=-1; detail=stale-while-revali");
      expect(reply.text).toContain(`v${w.version - 1}`);
    }
    let_go();
    await until(() => w.stage.usageOf("news", NEWS).bytesIn > 0 && w.news.log.length === 1);
    let news = await w.stage.get(url);
    for (let i = 0; i < 100 && !news.text.includes(`v${w.version}`); i++) {
      news = await w.stage.get(url);
    }
    expect(news.text).toContain(`v${w.version}`);
    expect(w.news.log.length).toBe(1);
  });

  test("HEAD about one judges it by what the origin says (RFC 9111 4.3.5)", async () => {
    const url = `http://${NEWS}/head?cc=max-age=60`;
    await w.stage.get(url);
    w.stage.clock.advance(61_000);
    await w.stage.get(url, {}, "HEAD");
    expect((await w.stage.get(url)).headers.get("cache-status")).toContain("; hit");
    w.stage.clock.advance(61_000);
    w.version++;
    await w.stage.get(url, {}, "HEAD");
    expect((await w.stage.get(url)).headers.get("cache-status")).toContain("fwd=uri-miss");
  });

  test("one that its origin lets stand in for an error is served when all origins fail", async () => {
    const url = `http://${NEWS}/sie?cc=max-age=60,stale-if-error=600`;
    const plain = `http://${NEWS}/plain?cc=max-age=60`;
    const strict = `http://${NEWS}/strict?cc=max-age=60,must-revalidate`;
    const first = await w.stage.get(url);
    await w.stage.get(plain);
    await w.stage.get(strict);
    w.stage.clock.advance(61_000);
    await w.news.stop();
    const reply = await w.stage.get(url);
    expect([reply.status, reply.text]).toEqual([200, first.text]);
    expect(reply.headers.get("cache-status")).toContain("detail=stale-if-error");
    expect((await w.stage.get(plain)).headers.get("cache-status")).toContain("stale-if-error");
    expect((await w.stage.get(strict)).status).toBe(502);
    w.news = w.revive(w.news);
  });
});
