import { noUsage } from "../../model/usage.ts";
import type { WhyHeld, WhyHere } from "../../model/why.ts";
import { keyParts, type Plan } from "../../policy/rules/mod.ts";
import type { ObjectMeta } from "../cache/mod.ts";
import { type Ask, receive } from "./ask.ts";
import { noCounts } from "./count.ts";
import { partsKey } from "./parts.ts";
import type { RuleSteps } from "./rules.ts";
import type { EdgeTable } from "./table.ts";
import type { Works } from "./works.ts";

const SETTINGS = [
  ...["access", "rate", "https", "redirect", "cors", "signed"],
  ...["key", "ttl", "compress", "errorPages"],
] as const;

/**
 * What the steps of `serve` would make of a request, by the same functions: nothing is fetched, counted
 * or taken from a bucket. Null: no site here has that address.
 */
export async function whyOf(
  works: Works,
  rules: RuleSteps,
  o: { readonly table: EdgeTable; readonly request: Request; readonly client: string },
): Promise<WhyHere | null> {
  const received = receive(o.request, o.table, o.client);
  if ("status" in received) return null;
  const entry = {
    ...received.entry,
    usage: noUsage(),
    counts: noCounts(),
  };
  const { ask, answer } = rules.run({ ...received, entry }, o.table, "dry");
  const plan = ask.ruled?.plan ?? null;
  const names = plan === null ? [] : keyParts(plan);
  const settings = plan === null ? [] : decidedBy(plan);
  const common = { path: ask.path, rules: plan?.names ?? [], decided: settings };
  const parts = (vary: readonly string[]) =>
    [...new Set([...names, ...vary])].map((name) => ({ name, value: ask.get(name) }));
  if (answer !== null) {
    return {
      ...common,
      verdict: "answered",
      reason: wordsOf(answer),
      parts: parts([]),
      held: null,
    };
  }
  const found = (await held(works, ask)) ?? (await inParts(works, ask));
  const [verdict, reason] = judge(works, ask, found?.meta ?? null);
  const here = found === null ? null : heldOf(works, found);
  const parents = verdict === "miss" || verdict === "stale" ? works.parentsOf(ask) : [];
  return {
    ...{ ...common, verdict, reason, parts: parts(found?.meta.vary ?? []), held: here },
    ...(parents.length === 0 ? {} : { parents }),
  };
}

function judge(
  works: Works,
  ask: Ask,
  meta: ObjectMeta | null,
): readonly [WhyHere["verdict"], string] {
  if (ask.method !== "GET" && ask.method !== "HEAD") return ["pass", "method"];
  if (meta === null || works.isBanned(meta)) {
    if (works.isPrivate(ask)) return ["pass", "not-shared"];
    if (meta !== null) return ["miss", "purged"];
    const others = works.cache.memory.variantsOf(ask.key) > 0 || works.cache.mayHoldOnDisk(ask.key);
    return ["miss", others ? "other-variant" : "not-held"];
  }
  if (works.isFresh(meta)) return ["hit", "fresh"];
  return ["stale", works.whyStale(meta)];
}

interface Found {
  readonly meta: ObjectMeta;
  readonly tier: "memory" | "disk";
}

/** What is held in parts only, where that is all that is asked for, and fresh. */
async function inParts(works: Works, ask: Ask): Promise<Found | null> {
  if (ask.method !== "GET" && ask.method !== "HEAD") return null;
  const { heldParts, cache } = works;
  const tier = cache.find(partsKey(ask.key), ask.get) === null ? "disk" : "memory";
  const part = await heldParts.find(ask);
  if (part === null || !works.isFresh(part.meta)) return null;
  const range = ask.method === "GET" ? ask.request.headers.get("range") : null;
  const inSlices = range !== null && heldParts.holdsInSlices(part, range);
  return inSlices || heldParts.holdsWhole(part) ? { meta: part.meta, tier } : null;
}

async function held(works: Works, ask: Ask): Promise<Found | null> {
  const object = works.cache.find(ask.key, ask.get);
  if (object !== null) return { meta: object.meta, tier: "memory" };
  if (!works.cache.mayHoldOnDisk(ask.key)) return null;
  const onDisk = await works.cache.load(ask.key, ask.get);
  return onDisk === null ? null : { meta: onDisk.meta, tier: "disk" };
}

function heldOf(works: Works, { meta, tier }: Found): WhyHeld {
  return {
    tier,
    status: meta.status,
    bytes: meta.bodyBytes,
    ageSec: Math.floor(works.ageOf(meta) / 1000),
    lifetimeSec: Math.floor(meta.freshness.lifetimeMs / 1000),
    from: meta.freshness.from,
  };
}

function decidedBy(plan: Plan): WhyHere["decided"] {
  const single = SETTINGS.flatMap((setting) => {
    const chosen = plan[setting];
    return chosen === null ? [] : [{ setting, rule: chosen.rule }];
  });
  return single;
}

/** Such as `403 signature-expired` or `301 https://www.shop.example/`. */
function wordsOf(answer: Response): string {
  const details = /details="([^"]*)"/.exec(answer.headers.get("proxy-status") ?? "")?.[1];
  const more = details ?? answer.headers.get("location");
  return more === undefined || more === null ? String(answer.status) : `${answer.status} ${more}`;
}
