import type { WhyNotReply } from "../../src/model/api/mod.ts";
import type { Site } from "../../src/model/site.ts";
import { whyNotReport } from "../../src/policy/caching/mod.ts";

const COUNTED = {
  private: 8_200,
  "not-held": 5_100,
  "no-freshness": 4_400,
  stale: 1_900,
  rule: 12,
};

/** What the control plane tells of a site with traffic; of one without web servers, nothing. */
export function whyNotOf(nowMs: number, { origins }: Site): WhyNotReply {
  const sums =
    origins.length === 0
      ? { requests: 0, hits: 0, whyNot: {} }
      : { requests: 100_000, hits: 80_388, whyNot: COUNTED };
  const { reasons, ...rest } = whyNotReport(sums);
  return { sinceMs: nowMs - 3_600_000, ...rest, reasons: [...reasons] };
}
