import { expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { Throttle, tooMany } from "./throttle.ts";

test("a key gets its burst, then as much as it refills, each key for itself", () => {
  const clock = new FakeClock();
  const throttle = new Throttle(clock, { perSec: 0.5, burst: 3 });
  const take = () => throttle.take("shop");
  expect([take(), take(), take(), take()]).toEqual([0, 0, 0, 2]);
  expect(throttle.take("news")).toBe(0);
  clock.advance(1000);
  expect(take()).toBe(1);
  clock.advance(1000);
  expect([take(), take()]).toEqual([0, 2]);
  throttle.giveBack("shop");
  expect(take()).toBe(0);
  clock.advance(3_600_000);
  expect([take(), take(), take(), take()]).toEqual([0, 0, 0, 2]);
});

test("a flood of keys stays bounded and forgets the oldest, not the busy one", () => {
  const throttle = new Throttle(new FakeClock(), { perSec: 1, burst: 2 });
  throttle.take("busy");
  throttle.take("busy");
  for (let n = 0; n < 30_000; n++) {
    throttle.take(`flood-${n}`);
    if (n % 1000 === 0) expect(throttle.take("busy")).toBe(1);
  }
  expect(throttle.take("flood-0")).toBe(0);
});

test("tooMany() carries the seconds to wait for the answer's Retry-After", () => {
  const fault = tooMany(7);
  expect(fault).toBeInstanceOf(Fault);
  expect([fault.code, fault.cause]).toEqual(["too-many-requests", 7]);
});
