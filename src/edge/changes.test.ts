import { expect, test } from "bun:test";
import { silentLog } from "../base/log.ts";
import { LocalBus } from "../bus/mod.ts";
import type { ChangedOfSite, ChangedTold } from "../model/changed.ts";
import { hearChanges, tellChanges } from "./changes.ts";

function told() {
  const bus = new LocalBus();
  const messages: ChangedTold[] = [];
  bus.subscribe("edge.changed", (one) => messages.push(one));
  const delivered = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { bus, messages, delivered };
}

const of = (paths: readonly string[], site = "www.shop.example"): ChangedOfSite => {
  return { customer: "shop", site, paths, groups: [] };
};

test("the first change is told at once, a flood of them in few messages that have a bound", async () => {
  const { bus, messages, delivered } = told();
  const { tell, stop } = tellChanges({ node: "edge-1", bus });
  tell(of(["/first"]));
  await delivered();
  expect(messages).toEqual([{ node: "edge-1", of: [of(["/first"])] }]);
  for (let i = 0; i < 10_000; i++) tell(of([`/${i % 5_000}`, "/list"]));
  for (let i = 0; i < 10_000; i++) tell(of(["/"], `site-${i}.example`));
  for (let i = 0; i < 100; i++) tell(of([`/${i}${"x".repeat(8_000)}`], "site-1.example"));
  stop();
  await delivered();
  // By the clock of a slow machine it may be more than one.
  const sites = messages.slice(1).flatMap((one) => one.of);
  expect(sites.filter(({ site }) => site === "www.shop.example").length).toBeLessThanOrEqual(
    messages.length - 1,
  );
  for (const one of messages) expect(one.of.length).toBeLessThanOrEqual(256);
  for (const { paths } of sites) {
    expect(paths.length).toBeLessThanOrEqual(256);
    expect(paths.join("").length).toBeLessThanOrEqual(65_536);
    expect(new Set(paths).size).toBe(paths.length);
  }
  expect(sites[0]!.paths).toContain("/list");
});

test("who posts to many sites leaves room for what another customer's answers changed", async () => {
  const { bus, messages, delivered } = told();
  const { tell, stop } = tellChanges({ node: "edge-1", bus });
  for (let i = 0; i < 1_000; i++) tell(of(["/"], `site-${i}.example`));
  tell({ ...of(["/mine"], "www.news.example"), customer: "news" });
  stop();
  await delivered();
  expect(messages.flatMap((one) => one.of).some(({ customer }) => customer === "news")).toBe(true);
});

test("a cache ends what others tell, and not what it told itself", async () => {
  const { bus, delivered } = told();
  const ended: ChangedOfSite[] = [];
  const end = async (one: ChangedOfSite) => void ended.push(one);
  const stop = hearChanges({ node: "edge-1", bus, log: silentLog, end });
  bus.publish("edge.changed", { node: "edge-1", of: [of(["/own"])] });
  bus.publish("edge.changed", { node: "edge-2", of: [of(["/a"]), of(["/b"], "other.example")] });
  await delivered();
  expect(ended).toEqual([of(["/a"]), of(["/b"], "other.example")]);
  stop();
  bus.publish("edge.changed", { node: "edge-2", of: [of(["/c"])] });
  await delivered();
  expect(ended.length).toBe(2);
});
