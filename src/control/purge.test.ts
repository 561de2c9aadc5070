import { expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { type Log, silentLog } from "../base/log.ts";
import { LocalBus } from "../bus/mod.ts";
import { network } from "../model/network.ts";
import type { Purge } from "../model/purge.ts";
import { createPurge, PURGES_KEPT } from "./commands/purge.ts";
import { NETWORK_YAML } from "./control-world.ts";
import type { Deps } from "./deps.ts";
import { Throttle } from "./throttle.ts";

const SITE = "www.shop.example";

test("the log is folded at every thousandth purge, and a purge holds where that fails", async () => {
  const clock = new FakeClock();
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (words: string) => warned.push(words) };
  const folded: [number, number][] = [];
  let number = 998;
  let fails = false;
  const purges = {
    add: async (purge: Omit<Purge, "number">) => ({ ...purge, number: ++number }),
    fold: async (keep: number) => {
      folded.push([number, keep]);
      if (fails) throw new Error("full");
    },
  };
  const read = async () => ({ network: network.parse(Bun.YAML.parse(NETWORK_YAML)) });
  const store = { purges, intents: { read } };
  const deps = { store, clock, log, bus: new LocalBus() } as unknown as Deps;
  const throttle = new Throttle(clock, { perSec: 1, burst: 10_000 });
  const order = { customer: "shop", site: SITE, what: { path: "/a.png" }, actor: "ops" };
  while (number < 3_001) {
    fails = number >= 2_500;
    expect((await createPurge(deps, throttle, order)).number).toBe(number);
  }
  expect(folded).toEqual([1_000, 2_000, 3_000].map((at) => [at, PURGES_KEPT]));
  expect(warned).toEqual(["Cannot fold the purge log"]);
});
