// HTTP/3 at a cache that has it: what is served, billed, logged and refused is what HTTP/2 gets, for
// several customers with a certificate each; in Chromium, too.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { EdgeCertificate } from "../../src/model/certificate.ts";
import { Http3Client } from "../lab/http3-client.ts";
import { testWith } from "../lab/needs.ts";
import {
  type Recorded,
  type Recorder,
  type RecorderReply,
  startRecorder,
} from "../lab/recorder.ts";
import { ARGS, CHROMIUM } from "../portal/stage.ts";
import { Stage, snapshotOf, until, ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const NET = "127.64.30";
const SHOP = "www.shop.example";
const BANK = "www.bank.example";
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const PAGE = '<!doctype html><title>h3</title><img src="/hit.png"><img src="/miss.png">';
const LARGE = 3_000_000;
const PART = Buffer.alloc(65_536);
const ASKER = join(import.meta.dir, "../lab/http3-asker.ts");

const certificateOf = (customer: string, name: string): EdgeCertificate => {
  const pair = selfSigned([name], new Date());
  const id = createHash("sha256").update(pair.cert).digest("hex").slice(0, 32);
  return { ...pair, id, customer, name, names: [name], notBeforeMs: 0, notAfterMs: 4e12 };
};

let origin: Recorder;
let stage: Stage;
let shop: Http3Client;
const ways = new TwoWays(() => stage);
const shown = [certificateOf("shop", SHOP), certificateOf("bank", BANK)];
const lines: string[] = [];

/** What the customers' server has. */
function reply({ method, target, fields }: Recorded): RecorderReply {
  const kind = target.endsWith(".png") ? "image/png" : "text/html";
  const body = kind === "image/png" ? PNG : target.startsWith("/large") ? "x".repeat(LARGE) : PAGE;
  const kept = target.startsWith("/pass") ? "no-store" : "max-age=600";
  const host = new Map(fields).get("host")?.split(":")[0];
  const head = `Cache-Control: ${kept}\r\nContent-Type: ${kind}\r\nX-Of: ${host}`;
  const text = `HTTP/1.1 200 OK\r\n${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return { bytes: Buffer.concat([Buffer.from(text), Buffer.from(method === "HEAD" ? "" : body)]) };
}

beforeAll(async () => {
  origin = await startRecorder(`${NET}.1`);
  const { address, port } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  const front = "caches" as const;
  const rules = [{ name: "slow", match: { path: ["/rated/*"] }, rate: { perSec: 1, burst: 3 } }];
  const sites = [
    { hostname: SHOP, customer: "shop", port, origins, front, rules },
    { hostname: BANK, customer: "bank", port, origins, front },
  ];
  stage = new Stage(snapshotOf(sites), `${NET}.9`);
  await stage.start({
    ...{ http3: true, tls: selfSigned([`c.${ZONE}`, `*.${ZONE}`], new Date()) },
    certificates: { list: () => shown, onChange: () => () => {} },
    access: { format: "json", each: 1, add: (line) => lines.push(line) },
  });
  shop = await client(SHOP);
});
afterAll(async () => {
  shop.destroy();
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.clear();
  origin.reply = reply;
  lines.length = 0;
});

function client(servername: string): Promise<Http3Client> {
  return Http3Client.open({ address: stage.address, port: stage.edge.httpsPort!, servername });
}

const fields = (more: Readonly<Record<string, string>> = {}) => {
  return { ":method": "GET", ":scheme": "https", ":authority": SHOP, ":path": "/x", ...more };
};
const { ":authority": _, ...withoutAuthority } = fields();

describe("what is served over HTTP/3", () => {
  test("a miss, then hits with the same bytes and fields as over HTTP/2", async () => {
    const first = await shop.get(`https://${SHOP}/a.png`);
    expect([first.status, first.end, first.body.equals(PNG)]).toEqual([200, "whole", true]);
    expect(first.headers.get("cache-status")).toContain("fwd=uri-miss");
    const h3 = await shop.get(`https://${SHOP}/a.png`);
    const h2 = await ways.http2(`https://${SHOP}/a.png`);
    const seen = (headers: Headers) =>
      [...headers].filter(([name]) => name !== "date" && name !== "connection").sort();
    expect(h3.body.equals(PNG)).toBe(true);
    expect(seen(h3.headers)).toEqual(seen(h2.headers));
    expect(h3.headers.get("cache-status")).toContain("edge-1; hit");
    expect(h3.headers.get("content-length")).toBe(String(PNG.length));
    expect(origin.reached()).toEqual(["GET /a.png"]);
  });

  test("HEAD, ranges, conditions and large objects, held or not", async () => {
    const url = `https://${SHOP}/large`;
    const part = await shop.get(url, { range: "bytes=10-19" });
    expect([part.status, part.body.toString()]).toEqual([206, "xxxxxxxxxx"]);
    for (const state of ["miss", "held"]) {
      const whole = await shop.get(url);
      expect([state, whole.status, whole.body.length, whole.end]).toEqual([
        ...[state, 200, LARGE, "whole"],
      ]);
      expect(whole.headers.get("content-disposition")).toBeNull();
    }
    const head = await shop.get(url, { ":method": "HEAD" });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers.get("content-length")).toBe(String(LARGE));
    const since = new Date(stage.clock.wallMs() + 1_000).toUTCString();
    const fresh = await shop.get(`https://${SHOP}/a.png`, { "if-modified-since": since });
    expect(fresh.body.length === 0 || fresh.status === 200).toBe(true);
  });

  test("each customer's certificate by the name that is asked for, the node's own to others", async () => {
    const names: string[] = [];
    for (const name of [SHOP, BANK, `c.${ZONE}`, "nobody.example"]) {
      const one = await client(name);
      names.push(one.certificate);
      one.destroy();
    }
    const own = `DNS:c.${ZONE}, DNS:*.${ZONE}`;
    expect(names).toEqual([`DNS:${SHOP}`, `DNS:${BANK}`, own, own]);
  });

  test("a Host of another site on one connection gets that site's bytes, of nobody's gets 421", async () => {
    const bank = await shop.get(`https://${BANK}/a.png`);
    expect([bank.status, bank.headers.get("x-of")]).toEqual([200, BANK]);
    expect((await shop.get(`https://${SHOP}/a.png`)).headers.get("x-of")).toBe(SHOP);
    expect((await shop.get("https://nobody.example/a.png")).status).toBe(421);
  });

  test("Alt-Svc is sent over HTTPS for hosts with a certificate here, and for no others", async () => {
    const told = `h3=":${stage.edge.httpsPort}"; ma=3600`;
    const of = async (get: Promise<{ readonly headers: Headers }>) =>
      (await get).headers.get("alt-svc");
    expect(await of(ways.http2(`https://${SHOP}/a.png`))).toBe(told);
    expect(await of(ways.http2(`https://c.${ZONE}/${SHOP}/a.png`))).toBe(told);
    expect(await of(ways.http2(`https://${BANK}.${ZONE}/a.png`))).toBeNull();
    expect(await of(shop.get(`https://${SHOP}/a.png`))).toBe(told);
    expect(await of(ways.http2("https://nobody.example/a.png"))).toBeNull();
    expect(await of(ways.http1(`http://${SHOP}/a.png`))).toBeNull();
  });

  test("a body arrives at the origin byte for byte", async () => {
    const body = Buffer.alloc(LARGE, "0123456789abcdef\r\n0\r\n\r\n");
    const post = fields({ ":method": "POST", ":path": "/pass" });
    const length = { "content-length": String(body.length) };
    for (const more of [{}, length]) {
      expect((await shop.ask({ ...post, ...more }, body)).status).toBe(200);
    }
    expect(origin.requests.map((r) => r.body.equals(body))).toEqual([true, true]);
    expect(origin.malformed).toEqual([]);
  });

  test("billed, logged and limited by the client's address as over HTTP/2", async () => {
    const usage = stage.usageOf("shop", SHOP);
    const costs: (readonly number[])[] = [];
    for (const get of [shop.get.bind(shop), ways.http2]) {
      const { requests, bytesOut } = usage;
      await get(`https://${SHOP}/a.png`);
      costs.push([usage.requests - requests, usage.bytesOut - bytesOut]);
    }
    expect(costs[0]).toEqual(costs[1]!);
    expect(costs[0]![0]).toBe(1);
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged).toMatchObject([
      { protocol: "h3", client: "127.0.0.1", site: SHOP, bytes: PNG.length, status: 200 },
      { protocol: "https", client: "127.0.0.1", site: SHOP, bytes: PNG.length, status: 200 },
    ]);
    const statuses: (number | null)[] = [];
    for (const get of [shop.get.bind(shop), ways.http2, shop.get.bind(shop), ways.http2]) {
      statuses.push((await get(`https://${SHOP}/rated/a.png`)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
  });
});

describe("what is refused over HTTP/3 (H3, H6, H21)", () => {
  const refused: readonly (readonly [string, Record<string, string>, number | null])[] = [
    ["a path that is none", { ":path": "x" }, 400],
    ["an empty path", { ":path": "" }, 404],
    ["a path with another host", { ":path": `https://${BANK}/x` }, 400],
    ["a path with a line end", { ":path": "/x\r\nx-a: 1" }, null],
    ["an authority with a user", { ":authority": `${SHOP}:80@${BANK}` }, 400],
    ["an authority with a space", { ":authority": "a b" }, 400],
    ["an empty authority", { ":authority": "" }, 400],
    ["a field with a line end", { "x-a": "1\r\nx-b: 2" }, null],
    ["DEL in a field", { "x-a": "1\x7f" }, 400],
    ["a length without a body", { "content-length": "3" }, null],
    ["TRACE", { ":method": "TRACE" }, 405],
    ["PURGE", { ":method": "PURGE" }, 405],
  ];
  for (const [what, more, status] of refused) {
    test(`${what}: ${status ?? "the stream is reset"}, and no origin hears of it`, async () => {
      const one = await client(SHOP);
      expect((await one.ask(fields(more))).status).toBe(status);
      expect(origin.reached()).toEqual([]);
      one.destroy();
    });
  }

  test("no authority at all: 400", async () => {
    expect((await shop.ask(withoutAuthority)).status).toBe(400);
    expect(origin.reached()).toEqual([]);
  });

  test("CONNECT: 404, and no origin hears of it", async () => {
    const one = await client(SHOP);
    const said = await one.ask({ ":method": "CONNECT", ":authority": `${SHOP}:443` });
    expect(said.status).toBe(404);
    expect(origin.reached()).toEqual([]);
    one.destroy();
  });

  for (const length of ["3", "9", "+5", "5x"]) {
    test(`a body of 5 bytes with a length of ${length}: no origin hears of it`, async () => {
      const one = await client(SHOP);
      const post = fields({ ":method": "POST", "content-length": length });
      expect((await one.ask(post, Buffer.from("hello"))).status).not.toBe(200);
      expect(origin.reached()).toEqual([]);
      expect(origin.malformed).toEqual([]);
      one.destroy();
    });
  }

  test("a host field that says another than the authority is not heard", async () => {
    const said = await shop.ask(fields({ ":path": "/pass/host", host: BANK }));
    expect([said.status, said.headers.get("x-of")]).toEqual([200, SHOP]);
    expect(origin.requests.map((r) => new Map(r.fields).get("host"))).toEqual([
      `${SHOP}:${origin.port}`,
    ]);
  });

  test("fields over 16 KB: 431 or the stream is reset, and the connection goes on", async () => {
    const said = await shop.ask(fields({ "x-a": "a".repeat(20_000) }));
    expect([431, null]).toContain(said.status);
    expect(origin.reached()).toEqual([]);
    expect((await shop.get(`https://${SHOP}/a.png`)).status).toBe(200);
  });

  for (const [size, length] of [
    [200_000, "400000"],
    [200_000, null],
    [200, "400"],
    [200, null],
  ] as const) {
    test(`a body that breaks off after ${size} of ${length ?? "?"} bytes is never whole to an origin`, async () => {
      const one = await client(SHOP);
      const hears = Promise.withResolvers<void>();
      origin.onBytes = () => hears.resolve();
      async function* half() {
        yield Buffer.alloc(size, "x");
        if (size > 65_536) await hears.promise;
        else await one.get(`https://${SHOP}/a.png`);
        one.destroy();
        await new Promise(() => {});
      }
      const more = length === null ? {} : { "content-length": length };
      void one.ask(fields({ ":method": "POST", ...more }), half()).catch(() => {});
      if (size > 65_536) await until(() => origin.malformed.length > 0);
      await until(() => lines.some((line) => line.includes("POST")));
      expect(origin.reached().filter((one) => one.startsWith("POST"))).toEqual([]);
    });
  }
});

describe("who is slow over HTTP/3 (H17)", () => {
  test("a silent connection ends, and a body that trickles gets 408 before an origin hears of it", async () => {
    const [silent, slow] = [await client(SHOP), await client(SHOP)];
    let over = false;
    async function* trickle() {
      while (!over) {
        yield Buffer.from("x");
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const post = fields({ ":method": "POST", "content-length": "1000" });
    const said = await slow.ask(post, trickle());
    over = true;
    expect([said.status, origin.reached()]).toEqual([408, []]);
    await silent.closed;
    slow.destroy();
  }, 60_000);

  test("who reads no more holds up the origin, not the cache's memory", async () => {
    let sent = 0;
    const length = 4_000_000_000;
    origin.reply = (_, socket) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: ${length}\r\n\r\n`,
      );
      const more = () => {
        while (sent < length && socket.write(PART)) sent += PART.length;
      };
      socket.on("drain", more);
      more();
      return null;
    };
    const { address, edge } = stage;
    const asker = Bun.spawn([process.execPath, ASKER, address, String(edge.httpsPort), SHOP], {
      stdout: "pipe",
    });
    // It has the head of the answer; then it is stopped, and takes not one packet more.
    await asker.stdout.getReader().read();
    asker.kill("SIGSTOP");
    let [last, still] = [0, 0];
    await until(() => {
      still = sent === last ? still + 1 : 0;
      last = sent;
      return still > 100;
    }, 30_000);
    expect(sent).toBeLessThan(length);
    asker.kill("SIGKILL");
    origin.dropAll();
    await asker.exited;
  }, 60_000);
});

/** What `performance` says of the page and what it loaded: path and protocol. */
const LOADED = `[...performance.getEntriesByType("navigation"),
  ...performance.getEntriesByType("resource")].map((one) =>
  new URL(one.name).pathname + " " + one.nextHopProtocol)`;

describe("in a browser", () => {
  const profile = mkdtempSync(join(tmpdir(), "turnpike-http3-"));
  afterAll(() => rmSync(profile, { recursive: true, force: true }));

  testWith([CHROMIUM], "Chromium comes by Alt-Svc, and loads hits and misses over h3", async () => {
    const pins = shown.map(({ cert }) => {
      const spki = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
      return createHash("sha256").update(spki).digest("base64");
    });
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      args: [
        ...ARGS.filter((one) => one !== "--disable-quic"),
        `--ignore-certificate-errors-spki-list=${pins.join()}`,
        `--host-resolver-rules=MAP *.example ${stage.address}`,
        // Of another port: so these hosts need no public authority, and still come by Alt-Svc.
        `--origin-to-force-quic-on=${SHOP}:1,${BANK}:1`,
      ],
    });
    try {
      for (const name of [SHOP, BANK]) {
        const base = `https://${name}:${stage.edge.httpsPort}`;
        await ways.http2(`https://${name}/hit.png`);
        const page = await context.newPage();
        // The first visit is over TCP and tells of HTTP/3; from then on it is tried.
        await untilTrue(async () => {
          await page.goto(`${base}/page?${Math.random()}`);
          return (await page.evaluate<string[]>(LOADED)).every((one) => one.endsWith(" h3"));
        });
        const fresh = `/miss-${name}.png`;
        origin.requests.length = 0;
        await page.evaluate(
          `new Promise((done) => { const i = new Image(); i.onload = done; i.src = "${fresh}"; })`,
        );
        expect(await page.evaluate<string[]>(LOADED)).toContain(`${fresh} h3`);
        expect(await page.evaluate("document.images[0].naturalWidth")).toBe(1);
        expect(origin.reached().filter((one) => one.endsWith(fresh))).toEqual([`GET ${fresh}`]);
      }
    } finally {
      await context.close();
    }
  });
});

/** Tries until it holds, twenty seconds at most. */
async function untilTrue(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error("What was waited for did not come");
  }
}
