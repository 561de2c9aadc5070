import { type PurgeView, purgeTarget, type RouteName } from "../../src/model/api/mod.ts";
import { type Handler, siteOf } from "./asked.ts";
import type { World } from "./world.ts";

/** Every cache is as quick as the others. */
function receiptOf(purge: World["purges"][number]): PurgeView {
  const acks = ["fra-1", "lon-1", "nyc-1"].map((node) => ({ node, atMs: purge.atMs + 40 }));
  return { purge: purge as PurgeView["purge"], acks, missing: [], by: "ada@shop.example" };
}

/** Purges, as the double of the API keeps them. */
export const purgeHandlers = {
  createPurge(world, input) {
    const number = world.purges.length + 1;
    world.purges.push({
      number,
      atMs: world.nowMs,
      customer: input.params.customer ?? "",
      site: siteOf(world, input).hostname,
      ...purgeTarget(input.body),
    });
    return { reply: { number } };
  },
  listPurges(world, input) {
    const { hostname } = siteOf(world, input);
    const { before = Number.POSITIVE_INFINITY, limit } = input.query;
    const older = world.purges.filter((one) => one.site === hostname && one.number < before);
    return { reply: older.toReversed().slice(0, limit).map(receiptOf) };
  },
} satisfies { readonly [N in RouteName]?: Handler };
