import { expect, test } from "bun:test";
import { formatProblem } from "../../base/result.ts";
import { readDocument } from "../../model/document.ts";
import { network } from "../../model/network.ts";
import { compile, siteOfHost } from "../../policy/snapshot/mod.ts";
import { sha256 } from "../node/sha256.ts";
import { NODES, portsFrom, SHOP } from "./layout.ts";
import { demoNetwork, networkYaml } from "./network.ts";

const PORTS = portsFrom(5300);

function compiled() {
  const intent = { network: demoNetwork(PORTS), version: 1, targets: TARGETS };
  const result = compile({ intent, number: 1, createdAtMs: 0, sha256 });
  if (!result.ok) throw new Error(result.problems.map((p) => formatProblem(p)).join("\n"));
  return result.value;
}

const TARGETS = {
  "www.shop.example": "0".repeat(31).concat("1"),
  "www.news.example": "0".repeat(31).concat("2"),
  "www.paper.example": "0".repeat(31).concat("3"),
};

test("The demo's network compiles without a problem", () => {
  const snapshot = compiled();
  expect(snapshot.sites.length).toBe(3);
  expect(siteOfHost(snapshot).has("www.paper.example")).toBe(true);
});

test("The written file reads back as the same network", () => {
  const read = readDocument(networkYaml(PORTS), network);
  expect(read.ok && read.value.value).toEqual(demoNetwork(PORTS));
});

test("Two nodes at least are name server and cache in one, and one port serves all of a site", () => {
  const both = NODES.filter((n) => n.roles.includes("dns") && n.roles.includes("edge"));
  expect(both.length).toBeGreaterThanOrEqual(2);
  const shop = compiled().origins.filter((o) => o.id.startsWith(SHOP.hostname));
  expect(new Set(shop.map((o) => o.port))).toEqual(new Set([PORTS.http]));
});

test("All four kinds of plan are there, and both customers have one", () => {
  const { plans, customers } = demoNetwork(PORTS);
  expect(plans.map((p) => p.kind).sort()).toEqual([
    "fixed",
    "lump-sum",
    "subscription",
    "variable",
  ]);
  expect(new Set(customers.map((c) => c.plan)).size).toBe(2);
});
