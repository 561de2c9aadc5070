import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Visit } from "../lab/browse.ts";
import { whyNot } from "../lab/needs.ts";
import { bitmap } from "../lab/peers.ts";
import { until } from "../lab/process.ts";
import {
  IMAGES,
  NEEDS,
  NODE,
  ORIGINS,
  type OriginName,
  RealWorld,
  type Served,
} from "../lab/real-world.ts";

const why = whyNot(NEEDS);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;

/** A story in order, on one world: each test goes on where the one before it ended. */
describe("with unbound, NSD, nginx, vsftpd, node_exporter and Chromium", () => {
  let world: RealWorld;

  beforeAll(async () => {
    if (why === null) world = await RealWorld.start();
  }, 60_000);

  afterAll(async () => {
    await world?.close();
  }, 30_000);

  /** Sets the loads and waits until the least loaded is decided for and the resolver answers it. */
  async function makeLeastLoaded(least: OriginName): Promise<void> {
    world.setBusy("o2", least === "o2" ? 0 : 0.95);
    world.setBusy("o3", least === "o3" ? 0 : 0.95);
    for (const name of ["www.shop.example", "m.shop.example"]) {
      await until(async () => (await world.dig(name)).at(-1) === ORIGINS[least], {
        what: `${name} to be answered with ${least}`,
        withinMs: 20_000,
        everyMs: 200,
      });
    }
  }

  const imageLog = (name: OriginName, image: string): Served[] =>
    world.served(name).filter((one) => one.path === `/img/${image}`);

  story(
    `a delegated hostname resolves to the least-loaded web server${reason}`,
    async () => {
      await makeLeastLoaded("o2");
      expect(await world.dig("www.shop.example")).toEqual([ORIGINS.o2]);
      expect(await world.dig("www.shop.example", "NS")).toEqual(["ns1-shop.cdn.example."]);
      expect(await world.dig("www.shop.example", "AAAA")).toEqual([]);
      expect(await world.dig("plain.shop.example")).toEqual(["10.9.9.9"]);
    },
    60_000,
  );

  story(`a hostname with a CNAME resolves through its 128-bit target${reason}`, async () => {
    const [target, address] = await world.dig("m.shop.example");
    expect(target).toMatch(/^[0-9a-f]{32}\.gtm\.cdn\.example\.$/);
    expect(address).toBe(ORIGINS.o2);
  });

  story(
    `the loads come from node_exporter and the exporters, and explain says so${reason}`,
    async () => {
      let { decision } = await world.explain("www.shop.example");
      const of = (name: string) => decision!.reasons.find((one) => one.name === name)!;
      // A load is smoothed: it comes near to what the exporters say now within a few probes; and a
      // processor's is known from the second reading of its exporter on.
      const near = async () => {
        decision = (await world.explain("www.shop.example")).decision;
        const timed = ["o1", "o2", "o3"].every((name) =>
          of(name).sources.some((one) => one.kind === "cpu"),
        );
        return timed && (of("o3").load ?? 0) > 0.8 && (of("o2").load ?? 1) < 0.2;
      };
      await until(near, { what: "loads near those reported", withinMs: 20_000, everyMs: 200 });
      for (const name of ["o1", "o2", "o3"]) {
        expect(of(name).loadKnown).toBe(true);
        expect(of(name).sources.map((one) => one.kind)).toContain("cpu");
        expect(of(name).sources.map((one) => one.kind)).toContain("ftp");
      }
      expect(of("o3").loadFrom).toBe("cpu");
      expect(decision!.choices[0]!.id).toBe("www.shop.example/o2");
      const words = await world.turnpike("explain", "www.shop.example", "--client", "10.53.0.53");
      for (const one of ["o1", "o2", "o3", "cpu", ORIGINS.o2]) expect(words).toContain(one);
    },
    40_000,
  );

  let first: Visit;

  story(
    `the page comes from that server, its images from our cache: first misses${reason}`,
    async () => {
      first = await world.visit("http://www.shop.example/");
      const [page, ...images] = first.seen;
      expect([page!.url, page!.status, page!.address]).toEqual([
        "http://www.shop.example/",
        200,
        ORIGINS.o2,
      ]);
      expect(first.text).toContain("from o2");
      expect(images.map((one) => one.url).sort()).toEqual([
        "http://c.cdn.example/www.shop.example/img/photo.bmp",
        "http://www.shop.example.cdn.example/img/logo.bmp",
      ]);
      expect([...first.drawn].sort()).toEqual(images.map((one) => one.url).sort());
      for (const image of images) {
        expect([image.address, image.status]).toEqual([NODE, 200]);
        expect(image.headers["cache-status"]).toMatch(/fwd=(uri-)?miss/);
        expect(image.headers["cache-status"]).not.toMatch(/; *hit/);
        const name = image.url.split("/").at(-1) as keyof typeof IMAGES;
        const sha256 = createHash("sha256").update(bitmap(IMAGES[name])).digest("hex");
        expect(image.sha256).toBe(sha256);
      }
    },
    60_000,
  );

  story(
    `each miss was fetched once, from the least-loaded server, under the site's own name${reason}`,
    () => {
      for (const image of ["logo.bmp", "photo.bmp"]) {
        expect(imageLog("o2", image)).toEqual([
          {
            client: expect.any(String),
            host: "www.shop.example",
            path: `/img/${image}`,
            status: 200,
          },
        ]);
        expect(imageLog("o1", image)).toEqual([]);
        expect(imageLog("o3", image)).toEqual([]);
      }
      expect(world.served("o2").some((one) => one.path === "/index.html")).toBe(true);
    },
  );

  story(
    `a second visitor gets the same bytes as hits, and no server is asked${reason}`,
    async () => {
      const second = await world.visit("http://www.shop.example/");
      const digests = (visit: Visit) =>
        visit.seen
          .slice(1)
          .map((one) => `${one.url} ${one.sha256}`)
          .sort();
      expect(digests(second)).toEqual(digests(first));
      for (const image of second.seen.slice(1)) {
        expect(image.headers["cache-status"]).toMatch(/; *hit/);
        expect(Number(image.headers.age)).toBeGreaterThanOrEqual(0);
      }
      expect(imageLog("o2", "logo.bmp")).toHaveLength(1);
      expect(imageLog("o2", "photo.bmp")).toHaveLength(1);
    },
    60_000,
  );

  story(
    `when the loads change, page and misses follow to another server${reason}`,
    async () => {
      await makeLeastLoaded("o3");
      const visit = await world.visit("http://www.shop.example/second.html");
      expect(visit.seen[0]!.address).toBe(ORIGINS.o3);
      expect(visit.text).toContain("from o3");
      expect(visit.seen[1]!.address).toBe(NODE);
      expect(visit.drawn).toHaveLength(1);
      expect(imageLog("o3", "third.bmp")).toHaveLength(1);
      expect(imageLog("o2", "third.bmp")).toEqual([]);
      expect((await world.visit("http://m.shop.example/")).seen[0]!.address).toBe(ORIGINS.o3);
    },
    90_000,
  );

  story(
    `a server whose FTP dies, and then one whose HTTP dies, is avoided${reason}`,
    async () => {
      await world.programs.get("ftp o3")!.kill();
      const avoids = (name: OriginName) => async () =>
        !(await world.dig("www.shop.example")).includes(ORIGINS[name]);
      await until(avoids("o3"), { what: "o3 to be avoided", withinMs: 20_000, everyMs: 200 });
      world.setBusy("o2", 0);
      const o2Again = async () => (await world.dig("www.shop.example"))[0] === ORIGINS.o2;
      await until(o2Again, { what: "o2 to be answered", withinMs: 20_000, everyMs: 200 });
      await world.programs.get("nginx o2")!.stop();
      await until(avoids("o2"), { what: "o2 to be avoided", withinMs: 20_000, everyMs: 200 });
      const visit = await world.visit("http://www.shop.example/");
      expect(visit.text).toContain("from o1");
      expect(visit.seen[0]!.address).toBe(ORIGINS.o1);
    },
    90_000,
  );
});
