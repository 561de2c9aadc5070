import type { z } from "zod";
import { Fault } from "../base/fault.ts";
import type { routes, WhyReply } from "../model/api/mod.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { WhyTold } from "../model/why.ts";
import { aboutReason } from "../policy/caching/mod.ts";
import { siteOfHost } from "../policy/snapshot/mod.ts";
import { canonicalHost } from "../wire/http/mod.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { hex } from "./digest.ts";

/** How long caches have to answer, ms. */
const WAIT_MS = 1_000;

/**
 * Asks every cache what it would do with a request.
 *
 * @throws Fault `snapshot-missing`; `not-found` where the address is of no site, or of another
 *   customer's
 */
export async function why(
  deps: Deps,
  caller: Caller,
  order: z.infer<(typeof routes)["why"]["body"]>,
): Promise<WhyReply> {
  const snapshot = deps.feed.snapshot();
  if (snapshot === null) throw new Fault("snapshot-missing");
  const at = siteAt(snapshot, order.url);
  if (at === null || (caller.kind !== "operator" && at.customer !== caller.customer)) {
    throw new Fault("not-found", order.url);
  }
  const caches = snapshot.nodes.filter((node) => node.roles.includes("edge")).map((n) => n.name);
  const told = await askAll(deps, caches, order);
  return {
    site: at.site,
    form: at.form,
    caches: caches.flatMap((node) => {
      const one = told.get(node);
      return one === undefined ? [] : [{ node, here: hereOf(one) }];
    }),
    about: aboutOf([...told.values()]),
    silent: caches.filter((node) => !told.has(node)),
  };
}

/** Each reason once. */
function aboutOf(all: readonly WhyTold[]): WhyReply["about"] {
  const reasons = new Set(all.flatMap(({ told }) => (told === null ? [] : [told.reason])));
  return [...reasons].flatMap((reason) => {
    const about = aboutReason(reason);
    return about === null ? [] : [{ reason, ...about }];
  });
}

/** As the API has it: lists that a caller may change. */
function hereOf({ told }: WhyTold): WhyReply["caches"][number]["here"] {
  if (told === null) return null;
  const { parts, rules, decided, parents, ...rest } = told;
  const above = parents === undefined ? {} : { parents: [...parents] };
  return { ...rest, parts: [...parts], rules: [...rules], decided: [...decided], ...above };
}

async function askAll(
  deps: Deps,
  caches: readonly string[],
  order: z.infer<(typeof routes)["why"]["body"]>,
): Promise<ReadonlyMap<string, WhyTold>> {
  const told = new Map<string, WhyTold>();
  const id = hex(deps.rng, 8);
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = deps.bus.subscribe("why.told", (one) => {
    if (one.id !== id) return;
    told.set(one.node, one);
    if (caches.every((node) => told.has(node))) resolve();
  });
  const timer = setTimeout(resolve, WAIT_MS);
  const names = Object.entries(order.fields).map(([name, value]) => [name.toLowerCase(), value]);
  deps.bus.publish("why.ask", { ...order, id, fields: Object.fromEntries(names) });
  if (caches.length > 0) await promise;
  clearTimeout(timer);
  unsubscribe();
  return told;
}

function siteAt(
  snapshot: Snapshot,
  address: string,
): { readonly site: string; readonly customer: string; readonly form: WhyReply["form"] } | null {
  const url = new URL(address);
  const host = canonicalHost(url.host);
  if (host === `c.${snapshot.zone}`) {
    const hostname = url.pathname.split("/")[1]?.toLowerCase();
    const site = snapshot.sites.find((one) => one.hostname === hostname);
    return site === undefined
      ? null
      : { site: site.hostname, customer: site.customer, form: "path" };
  }
  const entry = host === null ? undefined : siteOfHost(snapshot).get(host);
  const site = entry === undefined ? undefined : snapshot.sites[entry.site];
  if (site === undefined || entry === undefined) return null;
  return { site: site.hostname, customer: site.customer, form: entry.form };
}
