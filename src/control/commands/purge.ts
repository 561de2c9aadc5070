import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { type PurgeCreate, type PurgeView, purgeTarget } from "../../model/api/mod.ts";
import type { Purge, PurgePlace } from "../../model/purge.ts";
import type { Caller } from "../caller.ts";
import type { Deps } from "../deps.ts";
import { type Throttle, tooMany } from "../throttle.ts";

/**
 * Entries of the log that are kept one by one. A cache that has missed more than those purges each site of
 * which it has missed any, whole.
 */
export const PURGES_KEPT = 100_000;
/** The log is folded at every so many purges. */
const FOLD_EACH = 1_000;

/**
 * Puts a purge into the log and sends it to every cache.
 *
 * @throws Fault `not-found`, `too-many-requests`
 */
export async function createPurge(
  deps: Deps,
  throttle: Throttle,
  order: {
    readonly customer: string;
    readonly site: string;
    readonly what: PurgeCreate;
    readonly actor: string;
  },
): Promise<Purge> {
  const { customer, site, actor } = order;
  const target = purgeTarget(order.what);
  const { network } = await deps.store.intents.read();
  const sites = network?.customers.find((c) => c.name === customer)?.sites ?? [];
  if (!sites.some((s) => s.hostname === site)) throw new Fault("not-found", site);
  const wait = throttle.take(customer);
  if (wait > 0) throw tooMany(wait);
  const atMs = deps.clock.wallMs();
  const changes = [wordsOf(target)];
  const audit = { atMs, actor, customer, action: "purge.create", subject: site, changes };
  const purge = await deps.store.purges.add({ atMs, customer, site, ...target }, audit);
  deps.bus.publish("purge", purge);
  if (purge.number % FOLD_EACH === 0) await foldLog(deps);
  return purge;
}

/** What fails is done with the next thousand. */
async function foldLog({ store, log }: Deps): Promise<void> {
  await store.purges.fold(PURGES_KEPT).catch((error: unknown) => {
    log.warn("Cannot fold the purge log", { error });
  });
}

/** Such as `soft tag product-17`, or a path alone. */
function wordsOf(target: Pick<Purge, "path" | "scope" | "soft">): string {
  const { path, scope = "url", soft = false } = target;
  const short = path.length > 200 ? `${path.slice(0, 197)}...` : path;
  return `${soft ? "soft " : ""}${scope === "url" ? "" : `${scope} `}${short}`;
}

/** @throws Fault `not-found`, also for another customer's and for one that is folded */
export async function readPurge(deps: Deps, caller: Caller, number: number): Promise<PurgeView> {
  const purge = await deps.store.purges.read(number);
  const foreign = caller.kind === "member" && purge?.customer !== caller.customer;
  if (purge === null || foreign) throw new Fault("not-found", `purge ${number}`);
  return receiptOf(deps, purge);
}

/** The last purges of a site or of a customer's sites, newest first, whoever asked for them. */
export async function listPurges(
  deps: Deps,
  page: Parameters<Deps["store"]["purges"]["list"]>[0],
): Promise<PurgeView[]> {
  const purges = await deps.store.purges.list(page);
  return Promise.all(
    purges.map(async ({ actor, ...purge }) => {
      const by = actor === undefined ? {} : { by: actor };
      return { ...(await receiptOf(deps, purge)), ...by };
    }),
  );
}

async function receiptOf(deps: Deps, purge: Purge): Promise<PurgeView> {
  const acks = await deps.store.purges.acks(purge.number);
  const done = new Set(acks.map((ack) => ack.node));
  const nodes = deps.publisher.latest()?.nodes ?? [];
  const caches = nodes.filter((node) => node.roles.includes("edge")).map((node) => node.name);
  return {
    purge,
    acks: acks.map(({ node, atMs }) => ({ node, atMs })),
    missing: caches.filter((name) => !done.has(name)),
  };
}

/** Told at once: a cache that has missed more asks again. */
const SINCE_MAX = 2_000;

/** Answers caches that catch up, and collects their acknowledgements. Returns the way to stop. */
export function servePurges(deps: Deps): () => void {
  const stops = [
    deps.bus.respond("purge.since", async (place) => {
      const told = await deps.store.purges.since(place, SINCE_MAX);
      if (told.parted !== true) return told;
      await passNumbers(deps, place);
      const again = await deps.store.purges.since(place, SINCE_MAX);
      assert(again.parted !== true, "After a leap everybody can be told what to do");
      return again;
    }),
    deps.bus.subscribe("purge.ack", ({ number, node, term }) => {
      const ack = {
        number,
        node,
        atMs: deps.clock.wallMs(),
        ...(term === undefined ? {} : { term }),
      };
      deps.store.purges.ack(ack).catch((error: unknown) => {
        deps.log.warn("Cannot keep an acknowledgement", { purge: ack.number, error });
      });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Nobody was told a number above this. */
const NUMBER_MAX = 2 ** 52;

/**
 * A cache knows a log that is not this one: control's database was restored, or begun anew. What the log
 * numbers next, caches might take for done. So its numbers go on above theirs; and what was purged by those
 * that are lost is not known, so whatever caches hold is validated once.
 *
 * @throws Fault `bad-input`
 */
async function passNumbers({ store, clock, log }: Deps, place: PurgePlace): Promise<void> {
  const { after } = place;
  if (!(after < NUMBER_MAX)) throw new Fault("bad-input", `nobody was told of purge ${after}`);
  const { network } = await store.intents.read();
  const atMs = clock.wallMs();
  const entries = (network?.customers ?? []).flatMap(({ name: customer, sites }) =>
    sites.map(({ hostname: site }) => {
      return { atMs, customer, site, path: "/", scope: "site", soft: true } as const;
    }),
  );
  const audit = {
    atMs,
    actor: "turnpike",
    customer: null,
    action: "purge.leap",
    subject: "caches",
  };
  const changes = [`caches knew of purge ${after}: soft purge of ${entries.length} sites`];
  const again = await store.purges.leap(place, entries, { ...audit, changes });
  if (again === null) return;
  log.warn("The purge log is not the one that its caches know; they validate what they hold", {
    ...{ after, again },
  });
}
