import { describe, expect, test } from "bun:test";
import { origins, snapshotOf } from "./judge/judge.fixture.ts";
import { splitHostPort, targetsOf } from "./plan.ts";

const kinds = (sites: Parameters<typeof snapshotOf>[0]) =>
  targetsOf(snapshotOf(sites)).map((target) =>
    target.checks.map((check) => `${check.kind}${check.family ?? ""}`).join(" "),
  );

describe("targetsOf()", () => {
  test("checks every address family of an origin, and its exporter once", () => {
    const both = { name: "o0", v4: "198.51.0.1", v6: "2001:db8::1" };
    const exporter = "http://198.51.0.1:9100/metrics";
    expect(kinds([{ origins: [both] }])).toEqual(["http4 http6"]);
    expect(kinds([{ origins: [{ ...both, exporter }] }])).toEqual(["http4 http6 exporter"]);
    const check = { tcp: true, ftp: { user: "u", password: "p", path: "/f" } };
    expect(kinds([{ origins: [both], check }])).toEqual(["http4 tcp4 ftp4 http6 tcp6 ftp6"]);
    expect(kinds([{ origins: origins(1), check: { http: null, tcp: true } }])).toEqual(["tcp4"]);
  });

  test("asks an origin by the site's name at its address and port, and FTP at 21 or its own", () => {
    const site = {
      hostname: "www.shop.example",
      scheme: "https",
      origins: [
        { name: "a", v4: "198.51.0.1" },
        { name: "b", v4: "198.51.0.2", port: 8443, ftpPort: 2121 },
      ],
      check: { http: { path: "/health", statusMax: 299 }, ftp: { user: "u", password: "p" } },
    };
    const [a, b] = targetsOf(snapshotOf([site]));
    expect(a?.checks).toEqual([
      {
        kind: "http",
        family: 4,
        address: "198.51.0.1",
        port: 443,
        scheme: "https",
        host: "www.shop.example",
        path: "/health",
        statusMin: 200,
        statusMax: 299,
      },
      { kind: "ftp", family: 4, address: "198.51.0.1", port: 21, user: "u", password: "p" },
    ]);
    expect(b?.checks.map((check) => "port" in check && check.port)).toEqual([8443, 2121]);
    expect(a).toMatchObject({ vetted: true, pool: "www.shop.example", deciding: ["http", "ftp"] });
  });

  test("asks every cache for its health, and probes that are no caches for nothing", () => {
    const snapshot = snapshotOf([], {
      nodes: [
        {
          name: "e1",
          pop: "fra",
          roles: ["dns", "edge"],
          addresses: { v4: "192.0.2.9" },
          measure: { ftp: "192.0.2.9:2121", exporter: "http://192.0.2.9:9100/metrics" },
        },
      ],
    });
    const targets = targetsOf(snapshot);
    expect(targets.map((target) => target.id)).toEqual(["node/e1"]);
    expect(targets[0]).toMatchObject({ vetted: false, deciding: ["http"], timed: ["http", "ftp"] });
    expect(targets[0]?.checks.map((check) => check.kind)).toEqual(["http", "ftp", "exporter"]);
    expect(targets[0]?.checks[0]).toMatchObject({
      port: 80,
      host: "c.cdn.example",
      path: "/.well-known/turnpike/health",
    });
  });
});

describe("splitHostPort()", () => {
  test("takes names, IPv4 and bracketed IPv6", () => {
    expect(splitHostPort("ns.example:53")).toEqual({ host: "ns.example", port: 53 });
    expect(splitHostPort("[2001:db8::1]:5353")).toEqual({ host: "2001:db8::1", port: 5353 });
  });
});
