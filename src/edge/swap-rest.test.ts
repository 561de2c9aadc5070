import { expect, test } from "bun:test";
import { LEAVE_MS } from "./http3-door.ts";
import { REST_MAX_MS, restOf } from "./swap-rest.ts";

/** How often a cache asks for other certificates. */
const HEARD_MS = 2_000;

test("restOf() leaves the loop to requests, and a revoked certificate is out of the fleet in a minute (T8)", () => {
  expect([restOf(0), restOf(70), restOf(700)]).toEqual([0, 3_500, 35_000]);
  for (const tookMs of [800, 2_400, 10_000, 60_000]) expect(restOf(tookMs)).toBe(40_000);
  expect(HEARD_MS + REST_MAX_MS + LEAVE_MS).toBeLessThan(60_000);
});
