import { expect, test } from "bun:test";
import type { Bus } from "../bus/bus.ts";
import { tellFailures } from "./tell-failures.ts";

test("tellFailures() tells of a server at once, and of one that goes on failing twice a second", () => {
  let nowMs = 0;
  const told: [number, string][] = [];
  const bus = {
    publish: (subject: string, { target }: { target: string }) => {
      expect(subject).toBe("origin.failed");
      told.push([nowMs, target]);
    },
  } as unknown as Bus;
  const clock = { monoMs: () => nowMs, wallMs: () => nowMs };
  const failed = tellFailures({ node: "n1", bus, clock });
  for (; nowMs < 1100; nowMs += 10) {
    failed("www.shop.example/a");
    if (nowMs === 20) failed("www.shop.example/b");
  }
  expect(told).toEqual([
    [0, "www.shop.example/a"],
    [20, "www.shop.example/b"],
    [500, "www.shop.example/a"],
    [1000, "www.shop.example/a"],
  ]);
});
