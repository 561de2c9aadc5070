import type { WhyNotReply, WhyReply } from "../../src/model/api/mod.ts";
import type { Site } from "../../src/model/site.ts";
import { aboutReason, whyNotReport } from "../../src/policy/caching/mod.ts";
import { type Input, Refusal, who } from "./asked.ts";
import type { World } from "./world.ts";

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

/** Of three caches one holds what is asked for, one held it for too short, and one says nothing. */
export function whyOf(world: World, input: Input): WhyReply {
  const { customer } = who(input);
  const { hostname, pathname } = new URL(input.body.url);
  const site = (world.sites.get(customer ?? "acme") ?? []).find((one) =>
    [one.hostname, `${one.hostname}.cdn.example`].includes(hostname),
  );
  if (site === undefined) throw new Refusal(404, "There is nothing at this name");
  const cookie = input.body.fields.Cookie ?? null;
  const here = {
    ...{ path: pathname, parts: [{ name: "cookie", value: cookie }], rules: ["assets"] },
    ...{ decided: [{ setting: "ttl", rule: "assets" }], parents: ["lon-1"] },
  };
  const held = { tier: "memory", status: 200, bytes: 5120, lifetimeSec: 60, from: "rule" } as const;
  return {
    ...{ site: site.hostname, form: hostname === site.hostname ? "first" : "host" },
    caches: [
      {
        node: "fra-1",
        here: { ...here, verdict: "hit", reason: "fresh", held: { ...held, ageSec: 12 } },
      },
      {
        node: "lon-1",
        here: { ...here, verdict: "stale", reason: "stale", held: { ...held, ageSec: 75 } },
      },
    ],
    about: [{ reason: "stale", ...aboutReason("stale")! }],
    silent: ["nyc-1"],
  };
}
