import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import type { ClaimView, originPatch, originPut, sitePut } from "../../model/api/mod.ts";
import type { Network } from "../../model/network.ts";
import type { Origin } from "../../model/origin.ts";
import type { Site } from "../../model/site.ts";
import { type Wanted, wantedBySite } from "../../policy/snapshot/mod.ts";
import type { ChangeDone, Changer } from "../change.ts";
import type { ClaimBook } from "../claims.ts";
import type { SiteCondition } from "../site-condition.ts";

/** Whose site is changed, and by whom. */
export interface At {
  readonly customer: string;
  readonly hostname: string;
  readonly actor: string;
}

/** And what must hold of the site before it is changed. */
type If = { readonly condition: SiteCondition };

/**
 * Adds the site, or gives it these settings; origins that are not given stay. What is new of its
 * names and overlaps another customer's waits, with all that was put, for a proof.
 */
export function putSite(
  changer: Changer,
  at: At & If & { readonly claims: ClaimBook },
  put: z.infer<typeof sitePut>,
): Promise<Result<SiteDone>> {
  const { proven: _, ...own } = put;
  return changeSite(changer, { ...at, action: "site.put" }, (before) => ({
    ...own,
    hostname: at.hostname,
    ...(before?.proven === undefined ? {} : { proven: before.proven }),
    origins: put.origins ?? before?.origins ?? [],
    ...keptLists({
      records: put.records ?? before?.records,
      rules: put.rules ?? before?.rules,
    }),
  }));
}

/** Left out, they stay: records are edited as a zone's, and forms of a site may not know of rules. */
function keptLists({ records, rules }: Pick<Site, "records" | "rules">) {
  return {
    ...(records === undefined ? {} : { records }),
    ...(rules === undefined ? {} : { rules }),
  };
}

export function deleteSite(changer: Changer, at: At & If) {
  return changeSite(changer, { ...at, action: "site.delete" }, (before) => {
    found(before, at.hostname);
    return null;
  });
}

export function putOrigin(
  changer: Changer,
  at: At & { readonly name: string },
  put: z.infer<typeof originPut>,
) {
  return changeOrigin(changer, at, "origin.put", () => ({ ...put, name: at.name }));
}

export function patchOrigin(
  changer: Changer,
  at: At & { readonly name: string },
  patch: z.infer<typeof originPatch>,
) {
  const { weight, state, until } = patch;
  return changeOrigin(changer, at, "origin.patch", (before) => {
    const { until: was, ...origin } = found(before, at.name);
    // A new word has an end of its own, or none.
    const end = state === undefined ? was : until;
    return {
      ...origin,
      ...(weight === undefined ? {} : { weight }),
      ...(state === undefined ? {} : { state }),
      ...(end === undefined ? {} : { until: end }),
    };
  });
}

export function deleteOrigin(changer: Changer, at: At & { readonly name: string }) {
  return changeOrigin(changer, at, "origin.delete", (before) => {
    found(before, at.name);
    return null;
  });
}

function changeOrigin(
  changer: Changer,
  at: At & { readonly name: string },
  action: string,
  edit: (before: Origin | undefined) => Origin | null,
) {
  return changeSite(changer, { ...at, action }, (before) => {
    const site = found(before, at.hostname);
    const i = site.origins.findIndex((o) => o.name === at.name);
    const next = edit(site.origins[i]);
    const origins = [...site.origins];
    if (i < 0) origins.push(...(next === null ? [] : [next]));
    else origins.splice(i, 1, ...(next === null ? [] : [next]));
    return { ...site, origins };
  });
}

export interface SiteDone extends ChangeDone {
  readonly pending?: ClaimView;
}

type Order = At &
  Partial<If> & {
    readonly name?: string;
    readonly action: string;
    /** Where the site is held if names of it must be proven first. */
    readonly claims?: ClaimBook;
  };

async function changeSite(
  changer: Changer,
  order: Order,
  edit: (before: Site | undefined) => Site | null,
): Promise<Result<SiteDone>> {
  const { claims, condition } = order;
  const seen: { now: Site | undefined; unmet: boolean } = { now: undefined, unmet: false };
  let prefix = "";
  let next: Site | null = null;
  let toProve: readonly Wanted[] = [];
  const done = await changer.change({
    edit: async (network) => {
      const edited = editSite(network, order, edit);
      seen.now = edited.before;
      seen.unmet = condition?.holds(edited.before) === false;
      if (seen.unmet) return bad([]);
      prefix = edited.prefix;
      next = edited.after;
      const wanted = edited.after === null ? [] : newNames(edited.before, edited.after);
      if (claims !== undefined && network !== null) {
        toProve = await claims.toProve(network, order.customer, wanted);
      }
      if (toProve.length === 0 || network === null) return ok(edited.network);
      // Nothing changes, but what is wrong with it is said now: as if the customer were alone.
      const customers = edited.network.customers.map((each) => {
        return each.name === order.customer ? each : { ...each, zones: [], sites: [] };
      });
      const alone = { ...edited.network, customers };
      const problems = changer.problemsOf(network, alone);
      return problems.length > 0 ? bad(problems) : ok(network);
    },
    actor: order.actor,
    customer: order.customer,
    action: order.action,
    subject: order.name === undefined ? order.hostname : `${order.hostname}/${order.name}`,
    publish: true,
  });
  if (seen.unmet && condition !== undefined) throw await condition.fault(seen.now);
  if (!done.ok) return bad(done.problems.map((p) => relative(p, prefix)));
  if (toProve.length === 0 || claims === undefined || next === null) return done;
  const held = { kind: "site", name: order.hostname, body: next as Site } as const;
  return ok({ ...done.value, pending: await claims.hold(order, held, toProve) });
}

/** Those that the site did not take before. */
function newNames(before: Site | undefined, after: Site): Wanted[] {
  const had = before === undefined ? [] : wantedBySite(before);
  return wantedBySite(after).filter(({ name, kind }) => {
    return !had.some((each) => each.name === name && (each.kind === "zone" || kind === "host"));
  });
}

function editSite(
  network: Network | null,
  at: At,
  edit: (before: Site | undefined) => Site | null,
): { network: Network; prefix: string; before: Site | undefined; after: Site | null } {
  const c = network?.customers.findIndex((each) => each.name === at.customer) ?? -1;
  const customer = found(network?.customers[c], at.customer);
  const s = customer.sites.findIndex((each) => each.hostname === at.hostname);
  const next = edit(customer.sites[s]);
  const sites = [...customer.sites];
  if (s < 0) sites.push(...(next === null ? [] : [next]));
  else sites.splice(s, 1, ...(next === null ? [] : [next]));
  const customers = found(network?.customers, at.customer).with(c, { ...customer, sites });
  const prefix = `customers.${c}.sites.${s < 0 ? customer.sites.length : s}.`;
  const edited = { ...found(network, at.customer), customers };
  return { network: edited, prefix, before: customer.sites[s], after: next };
}

/** Paths as the caller knows them, and not a word of where somebody else has the name. */
function relative(problem: Problem, prefix: string): Problem {
  const path = problem.path.startsWith(prefix) ? problem.path.slice(prefix.length) : problem.path;
  return { ...problem, path, message: problem.message.replace(/: customers\.\S+ has it$/, "") };
}

function found<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new Fault("not-found", name);
  return value;
}
