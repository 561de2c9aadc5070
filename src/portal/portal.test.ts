import { beforeAll, describe, expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { ApiFault } from "./app/api/client.ts";
import { sortProblems } from "./app/parts/field-problems.ts";
import {
  formatBandwidth,
  formatBytes,
  formatCount,
  formatDecimal,
  formatMoney,
  formatMonth,
  formatNumber,
  formatPercent,
  formatSpan,
} from "./app/parts/format.ts";
import { pathOf, placeOf, ROUTES } from "./app/routes.ts";
import { type BuiltApp, buildApp, type PortalHandler, portalHandler } from "./mod.ts";

const KB = 1000;
let app: BuiltApp;
let handler: PortalHandler;

beforeAll(async () => {
  app = await buildApp();
  handler = await portalHandler({ clock: new FakeClock(), app });
});

async function get(path: string, init?: RequestInit): Promise<Response> {
  const response = await handler(new Request(`http://portal.example${path}`, init));
  if (response === null) throw new Error(`${path} is not the portal's`);
  return response;
}

describe("portalHandler()", () => {
  test("leaves the paths of the API, health and metrics to the control role", async () => {
    for (const path of ["/api/v1/session", "/api", "/healthz", "/metrics"]) {
      expect(await handler(new Request(`http://portal.example${path}`))).toBeNull();
    }
    expect((await get("/metricsfoo")).status).toBe(404);
  });

  test("serves the page at each address of the application, and 404 elsewhere", async () => {
    for (const pattern of Object.values(ROUTES)) {
      const path = pattern.replace(":tab", "traffic").replace(/:[a-z]+/g, "x.example");
      expect((await get(path)).status).toBe(200);
    }
    for (const path of ["/nowhere", "/customers/a/sites/b/nonsense", "/customers/%ff/sites"]) {
      const missing = await get(path);
      expect(missing.status).toBe(404);
      expect(await missing.text()).toContain('<div id="root">');
    }
    expect((await get("/assets/../mod.ts")).status).toBe(404);
    expect((await get("/assets/none-12345678.js")).status).toBe(404);
  });

  test("allows by its policy only its own files and what carries this page's nonce", async () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const page = await get("/");
      const policy = page.headers.get("content-security-policy") ?? "";
      const nonce = /'nonce-([A-Za-z0-9+/=]{24})'/.exec(policy)?.[1] ?? "";
      const html = await page.text();
      expect(policy).not.toContain("unsafe");
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      for (const script of html.match(/<script[^>]*>/g) ?? []) expect(script).toContain(nonce);
      expect(html).not.toMatch(/\son[a-z]+=|\sstyle=/);
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(20);
  });

  test("sets the headers that keep browsers strict, on pages, files and refusals", async () => {
    for (const path of ["/", `/assets/${app.script}`, "/assets/none"]) {
      const { headers } = await get(path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    }
    expect((await get("/")).headers.get("cache-control")).toBe("no-store");
    expect((await get("/sign-in", { method: "POST" })).status).toBe(405);
  });

  test("serves its files for ever, compressed for those who take it", async () => {
    const plain = await get(`/assets/${app.script}`);
    expect(plain.headers.get("cache-control")).toContain("immutable");
    expect(plain.headers.get("content-encoding")).toBeNull();
    const asked = { headers: { "accept-encoding": "br, gzip;q=0.8" } };
    const packed = await get(`/assets/${app.script}`, asked);
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    const bytes = Bun.gunzipSync(new Uint8Array(await packed.arrayBuffer()));
    expect(Buffer.from(bytes).equals(Buffer.from(await plain.arrayBuffer()))).toBe(true);
    const refused = { headers: { "accept-encoding": "gzip;q=0, *;q=0" } };
    expect((await get(`/assets/${app.script}`, refused)).headers.has("content-encoding")).toBe(
      false,
    );
    const kept = { headers: { "if-none-match": plain.headers.get("etag") ?? "" } };
    expect((await get(`/assets/${app.script}`, kept)).status).toBe(304);
  });
});

describe("buildApp()", () => {
  test("keeps the first page under 190 KB and every other page's own file under 30 KB", () => {
    const size = (name: string) => app.files.find((f) => f.name === name)?.gzip.length ?? 0;
    expect(size(app.script) + size(app.style)).toBeLessThan(190 * KB);
    for (const file of app.files) {
      if (file.name === app.script || file.name === app.style) continue;
      expect(file.gzip.length).toBeLessThan(30 * KB);
    }
    expect(app.files.filter((f) => /^site-traffic-/.test(f.name))).toHaveLength(1);
  });

  test("names every file by a hash of its content, and leaves no parser in", () => {
    for (const file of app.files) expect(file.name).toMatch(/-[0-9a-z]{8,}\.(js|css)$/);
    const all = app.files.map((file) => new TextDecoder().decode(file.bytes)).join("");
    expect(all).not.toContain("ZodError");
  });
});

describe("placeOf() and pathOf()", () => {
  test("are each other's inverse for any parameter", () => {
    for (const hostname of ["www.shop.example", "a b", "ä/ö", "%", "..", "new"]) {
      const params = { customer: "acme", hostname };
      expect(placeOf(pathOf("site", params))).toEqual({ page: "site", params });
    }
  });
});

describe("sortProblems()", () => {
  const paths = { v4: ["v4"], check: ["check.http.path"] } as const;

  test("puts a problem at its field whatever stands before the field in its path", () => {
    const fault = new ApiFault(422, "The input has problems", {
      problems: [
        { path: "customers.0.sites.1.origins.2.v4", message: "expected an IPv4 address" },
        { path: "check.http.path", message: "expected a path" },
        { path: "nov4", message: "elsewhere" },
        { path: "", message: "of the whole" },
      ],
    });
    expect(sortProblems(fault, paths)).toEqual({
      fields: { v4: "Expected an IPv4 address", check: "Expected a path" },
      rest: ["Elsewhere (nov4)", "Of the whole"],
    });
  });

  test("says the fault's own words where there are no problems", () => {
    expect(sortProblems(new ApiFault(503, "The database is busy"), paths).rest).toEqual([
      "The database is busy",
    ]);
    expect(sortProblems(null, paths)).toEqual({ fields: {}, rest: [] });
  });
});

describe("formats", () => {
  test("show counts, bytes and bits with at most three digits and a unit", () => {
    expect([0, 7, 7.25, 999.4, 999.6, 12_345, 8_123_700].map(formatCount)).toEqual([
      "0",
      "7",
      "7.3",
      "999",
      "1k",
      "12.3k",
      "8.1M",
    ]);
    expect(formatBytes(1_500_000)).toBe("1.5 MB");
    expect(formatBytes(999)).toBe("999 B");
    expect(formatBandwidth(125_000)).toBe("1 Mbit/s");
    expect(formatSpan(95_000)).toBe("1 min 35 s");
    expect([0, 1, 1200].map((n) => formatNumber(n, "day"))).toEqual([
      "0 days",
      "1 day",
      "1,200 days",
    ]);
    expect(formatNumber(1, "batch", "batches")).toBe("1 batch");
    expect([0, 0.00012, 0.0005, 0.0821, 1, null].map(formatPercent)).toEqual([
      ...["0 %", "< 0.1 %", "0.1 %", "8.2 %", "100 %", "–"],
    ]);
    expect([formatMonth("2026-11"), formatMonth("soon")]).toEqual(["November 2026", "soon"]);
  });

  test("show money digit by digit, never through a float", () => {
    expect(formatMoney("12345678901234.100000", "EUR")).toBe("12,345,678,901,234.10 EUR");
    expect(formatMoney("0.000001", "USD")).toBe("0.000001 USD");
    expect(formatMoney("-3", "EUR")).toBe("−3.00 EUR");
    expect(formatDecimal("1204.550")).toBe("1,204.550");
    expect(formatDecimal("n/a")).toBe("n/a");
  });
});
