import { expect, test } from "bun:test";
import { SHOP_PAIR } from "./certificate.fixture.ts";
import { keptOf, rowOf } from "./certificate-kept.ts";

const DAY_MS = 86_400_000;
const kept = keptOf({ customer: "shop", name: "www", cert: SHOP_PAIR.cert, addedMs: 1 });
const { notAfterMs, notBeforeMs } = kept.facts;
const seenAt = (nowMs: number) =>
  rowOf(kept, { nowMs, answers: ["www.shop.example"], known: ["www.shop.example"] }).warnings[0];

test("rowOf() says in words for people when a certificate begins, ends and has ended", () => {
  expect(seenAt(notAfterMs - 1.5 * DAY_MS)).toStartWith("It ends in 1 day:");
  expect(seenAt(notAfterMs - 9.5 * DAY_MS)).toStartWith("It ends in 9 days:");
  expect(seenAt(notAfterMs)).toBe("It ended at 2047-05-19 00:00 UTC: browsers refuse it");
  expect(seenAt(notBeforeMs - 1)).toBe("It is not valid before 2020-01-01 00:00 UTC");
});
