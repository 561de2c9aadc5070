import { expect, test } from "bun:test";
import type { Plan } from "../../model/plan.ts";
import { monthOfUsage, PREDICTED_MS, predictCents } from "./predict.ts";

const head = { name: "p", title: "P", currency: "EUR" } as const;
const DAY = { bytesOut: 2_000_000_000n, requests: 100_000n, queries: 50_000n };

test("monthOfUsage() makes 30 days of what was counted in a while", () => {
  const month = monthOfUsage(DAY, PREDICTED_MS / 30);
  expect(month).toEqual({ bytesOut: 60_000_000_000n, requests: 3_000_000n, queries: 1_500_000n });
  expect(monthOfUsage(DAY, PREDICTED_MS)).toEqual(DAY);
});

test("predictCents() counts fees and tiers, and a lump sum not at all", () => {
  const month = monthOfUsage(DAY, PREDICTED_MS / 30);
  const rates = [{ unit: "gigabytes", included: 10, tiers: [{ price: "0.10" }] }] as const;
  const subscription: Plan = {
    ...head,
    kind: "subscription",
    monthly: "5.00",
    rates: [...rates] as never,
  };
  expect(predictCents(subscription, month)).toBe(500n + 500n);
  expect(predictCents({ ...head, kind: "fixed", monthly: "9.00" }, month)).toBe(900n);
  expect(predictCents({ ...head, kind: "lump-sum", once: "900.00" }, month)).toBe(0n);
});
