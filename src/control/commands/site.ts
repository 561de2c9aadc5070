import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import type { originPatch, originPut, sitePut } from "../../model/api/mod.ts";
import type { Network } from "../../model/network.ts";
import type { Origin } from "../../model/origin.ts";
import type { Site } from "../../model/site.ts";
import type { ChangeDone, Changer } from "../change.ts";

/** Whose site is changed, and by whom. */
export interface At {
  readonly customer: string;
  readonly hostname: string;
  readonly actor: string;
}

/** Adds the site, or gives it these settings; origins that are not given stay. */
export function putSite(changer: Changer, at: At, put: z.infer<typeof sitePut>) {
  return changeSite(changer, at, "site.put", (before) => ({
    ...put,
    hostname: at.hostname,
    origins: put.origins ?? before?.origins ?? [],
    ...recordsOf(put.records ?? before?.records),
  }));
}

/** Left out, they stay: they are edited as a zone's. */
function recordsOf(records: Site["records"]): Pick<Site, "records"> {
  return records === undefined ? {} : { records };
}

export function deleteSite(changer: Changer, at: At) {
  return changeSite(changer, at, "site.delete", (before) => {
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
  const { weight, state } = patch;
  return changeOrigin(changer, at, "origin.patch", (before) => ({
    ...found(before, at.name),
    ...(weight === undefined ? {} : { weight }),
    ...(state === undefined ? {} : { state }),
  }));
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
  return changeSite(changer, at, action, (before) => {
    const site = found(before, at.hostname);
    const i = site.origins.findIndex((o) => o.name === at.name);
    const next = edit(site.origins[i]);
    const origins = [...site.origins];
    if (i < 0) origins.push(...(next === null ? [] : [next]));
    else origins.splice(i, 1, ...(next === null ? [] : [next]));
    return { ...site, origins };
  });
}

async function changeSite(
  changer: Changer,
  at: At & { readonly name?: string },
  action: string,
  edit: (before: Site | undefined) => Site | null,
): Promise<Result<ChangeDone>> {
  let prefix = "";
  const done = await changer.change({
    edit: (network) => {
      const edited = editSite(network, at, edit);
      prefix = edited.prefix;
      return ok(edited.network);
    },
    actor: at.actor,
    customer: at.customer,
    action,
    subject: at.name === undefined ? at.hostname : `${at.hostname}/${at.name}`,
    publish: true,
  });
  return done.ok ? done : bad(done.problems.map((p) => relative(p, prefix)));
}

function editSite(
  network: Network | null,
  at: At,
  edit: (before: Site | undefined) => Site | null,
): { network: Network; prefix: string } {
  const c = network?.customers.findIndex((each) => each.name === at.customer) ?? -1;
  const customer = found(network?.customers[c], at.customer);
  const s = customer.sites.findIndex((each) => each.hostname === at.hostname);
  const next = edit(customer.sites[s]);
  const sites = [...customer.sites];
  if (s < 0) sites.push(...(next === null ? [] : [next]));
  else sites.splice(s, 1, ...(next === null ? [] : [next]));
  const customers = found(network?.customers, at.customer).with(c, { ...customer, sites });
  const prefix = `customers.${c}.sites.${s < 0 ? customer.sites.length : s}.`;
  return { network: { ...found(network, at.customer), customers }, prefix };
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
