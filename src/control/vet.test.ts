import { expect, test } from "bun:test";
import { network } from "../model/network.ts";
import { vetNetwork } from "./vet.ts";

function problemsOf(origin: object, more: object = {}): string[] {
  const parsed = network.parse({
    zone: "cdn.example",
    pops: [{ name: "lon" }],
    nodes: [
      { name: "n", pop: "lon", roles: ["edge"], addresses: { v4: "8.8.4.4", v6: "2600::1" } },
    ],
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "1" }],
    customers: [
      {
        name: "shop",
        plan: "flat",
        sites: [{ hostname: "www.shop.example", origins: [{ name: "a", ...origin }] }],
      },
    ],
    ...more,
  });
  return vetNetwork(parsed).map((p) => `${p.path.split(".").at(-1)} ${p.received}`);
}

test("special addresses are refused, in whatever spelling the parser lets through", () => {
  const bad = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "0.0.0.0", "224.0.0.1"];
  for (const v4 of bad) expect(problemsOf({ v4 })).toEqual([`v4 ${v4}`]);
  const bad6 = [
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "fe80::1",
    "fc00::1",
    "2002:7f00:1::",
  ];
  for (const v6 of bad6) expect(problemsOf({ v6 })).toEqual([`v6 ${v6}`]);
  expect(problemsOf({ v4: "8.8.8.8", v6: "2600::2" })).toEqual([]);
});

test("an exporter's URL is vetted by its host, which must be an address", () => {
  const v4 = "8.8.8.8";
  for (const host of ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "metadata.internal"]) {
    expect(problemsOf({ v4, exporter: `http://${host}:9100/metrics` })).toHaveLength(1);
  }
  expect(problemsOf({ v4, exporter: "http://8.8.8.8:9100/metrics" })).toEqual([]);
});

test("the network file may allow private addresses, or ranges of them", () => {
  expect(problemsOf({ v4: "10.20.1.1" }, { allowPrivateOrigins: true })).toEqual([]);
  const ranges = { allowOriginRanges: ["10.20.0.0/16"] };
  expect(problemsOf({ v4: "10.20.1.1" }, ranges)).toEqual([]);
  expect(problemsOf({ v4: "10.21.1.1" }, ranges)).toEqual(["v4 10.21.1.1"]);
});

test("our own nodes are no origins, in any spelling and at any port (H13, T1)", () => {
  expect(problemsOf({ v4: "8.8.4.4" })).toEqual(["v4 8.8.4.4 port 80"]);
  expect(problemsOf({ v6: "2600:0:0::0001" })).toEqual(["v6 2600:0:0::0001 port 80"]);
  expect(problemsOf({ v4: "8.8.4.4", port: 8080 })).toEqual(["v4 8.8.4.4 port 8080"]);
  const exporter = "http://8.8.4.4:9464/metrics";
  expect(problemsOf({ v4: "8.8.8.8", exporter })).toEqual(["exporter 8.8.4.4 port 9464"]);
});

test("secondaries are vetted as servers are", () => {
  const zone = {
    name: "shop.test",
    transfer: { key: "xfr", to: ["10.0.0.1", "[::1]:53", "8.8.8.8"] },
  };
  const customers = [{ name: "shop", plan: "flat", zones: [zone] }];
  expect(problemsOf({ v4: "8.8.8.8" }, { customers })).toEqual(["0 10.0.0.1", "1 ::1"]);
});

test("beside a node at an address that the operator lists, other ports of it may be origins", () => {
  const ranges = { allowOriginRanges: ["8.8.4.4/32"] };
  expect(problemsOf({ v4: "8.8.4.4", port: 8080 }, ranges)).toEqual([]);
  for (const port of [53, 80, 443]) {
    expect(problemsOf({ v4: "8.8.4.4", port }, ranges)).toEqual([`v4 8.8.4.4 port ${port}`]);
  }
});
