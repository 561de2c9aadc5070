import { expect, test } from "bun:test";
import { Court, snapshotOf } from "./judge.fixture.ts";

test("a certificate near its end is a warning with its days, in views and sources too", () => {
  const site = { origins: [{ name: "a", v4: "198.51.0.1" }], check: { certificateDays: 20 } };
  const court = new Court(snapshotOf([{ hostname: "www.shop.example", ...site }]));
  const target = "www.shop.example/a";
  court.second([{ target, certificateDays: 21 }]);
  expect(court.see(target).warnings).toBeUndefined();
  court.second([{ target, certificateDays: 9, tlsMs: 1.5 }]);
  const seen = court.see(target);
  expect(seen.warnings).toEqual(["certificate ends in 9 days"]);
  expect(seen.sources[0]?.detail).toContain("certificate ends in 9 days");
  expect(seen.views[0]).toMatchObject({
    certificateDays: 9,
    timings: { resolveMs: null, connectMs: 1, tlsMs: 1.5, firstByteMs: 2 },
  });
});
