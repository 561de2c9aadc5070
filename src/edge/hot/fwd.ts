/** Why a request goes on to a web server, where others may wait for what comes of it. */
import type { WhyNot } from "../../model/why-not.ts";
import type { Ask } from "./ask.ts";
import type { Fwd } from "./count.ts";
import type { Held } from "./deliver.ts";
import type { Works } from "./works.ts";

/** For the counts. */
export function whyFetched(works: Works, ask: Ask, stale: Held | null): WhyNot {
  if (stale !== null) return works.whyStale(stale.meta);
  const { cache } = works;
  if (ask.purged === true || cache.find(ask.key, ask.get) !== null) return "purged";
  const others = cache.memory.variantsOf(ask.key) > 0 || cache.mayHoldOnDisk(ask.key);
  return others ? "other-variant" : "not-held";
}

/** For Cache-Status (RFC 9211 2.2). */
export function fwdOf(
  whyNot: WhyNot,
  { stale, partial = false }: { readonly stale: boolean; readonly partial?: boolean },
): Fwd {
  if (stale) return "stale";
  if (partial) return "partial";
  return whyNot === "other-variant" ? "vary-miss" : "uri-miss";
}
