import { expect, test } from "bun:test";
import { MetricsSum } from "./metrics-sum.ts";

const text = (requests: number, rss: number) =>
  [
    "# HELP hits_total Hits",
    "# TYPE hits_total counter",
    `hits_total{site="a"} ${requests}`,
    "# TYPE rss gauge",
    `rss ${rss}`,
    "",
  ].join("\n");

const both = (a: string, b: string) =>
  new Map([
    ["a", a],
    ["b", b],
  ]);

test("series of several processes are added up, each family told once", () => {
  expect(new MetricsSum().merge(both(text(3, 10), text(4, 20)))).toBe(text(7, 30));
});

test("a counter goes on when its process is started anew, a gauge does not", () => {
  const sum = new MetricsSum();
  sum.merge(both(text(3, 10), text(4, 20)));
  expect(sum.merge(both(text(3, 10), text(1, 5)))).toBe(text(8, 15));
  expect(sum.merge(both(text(3, 10), text(2, 5)))).toBe(text(9, 15));
});

test("a process that does not answer counts as it last did", () => {
  const sum = new MetricsSum();
  sum.merge(both(text(3, 10), text(4, 20)));
  expect(sum.merge(both(text(5, 10), ""))).toBe(text(9, 10));
  expect(sum.merge(both(text(5, 10), text(1, 2)))).toBe(text(10, 12));
});

test("a series that a new process does not show yet is shown as it was", () => {
  const sum = new MetricsSum();
  sum.merge(both(text(3, 10), text(4, 20)));
  const empty = "# TYPE rss gauge\nrss 1\n";
  expect(sum.merge(both(empty, text(4, 20)))).toContain('hits_total{site="a"} 7\n');
  expect(sum.merge(both(text(1, 10), text(4, 20)))).toContain('hits_total{site="a"} 8\n');
});
