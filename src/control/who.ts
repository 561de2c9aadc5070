import { Fault } from "../base/fault.ts";
import type { WhoView } from "../model/api/mod.ts";
import { whoGets } from "../policy/steering/mod.ts";
import type { Deps } from "./deps.ts";
import { viewAt } from "./past.ts";

export interface WhoOrder {
  /** An origin as `<hostname>/<name>`, or a node by name or as `node/<name>`. */
  readonly server: string;
  /** Whose origins may be asked about; null for all, and for nodes. */
  readonly customer: string | null;
  /** ISO 8601; absent for now. */
  readonly at?: string | undefined;
  readonly limit: number;
}

/**
 * Which client groups are answered with a server, by the functions that answer.
 *
 * @throws Fault `not-found` for what is no server, another customer's, or a time not recorded
 */
export function whoGetsServer(
  deps: Pick<Deps, "feed" | "history" | "demand">,
  o: WhoOrder,
): WhoView {
  const view = viewAt(deps, o.at);
  const { snapshot } = view;
  const id = o.server.includes("/") ? o.server.toLowerCase() : `node/${o.server}`;
  const origin = snapshot.origins.find((one) => one.id === id);
  const owner = origin === undefined ? null : snapshot.sites[origin.site]?.customer;
  if (o.customer !== null && owner !== o.customer) throw new Fault("not-found", o.server);
  const demand =
    o.at === undefined ? deps.demand.demand() : deps.history.demandAt(Date.parse(o.at));
  const seen = whoGets(view, demand, id);
  if (seen === null) throw new Fault("not-found", o.server);
  const { name, share, groupsInAll, missShare } = seen;
  return {
    server: id,
    ...(o.at === undefined ? {} : { at: o.at }),
    snapshot: snapshot.number,
    health: view.health.number,
    assignment: view.assignment.number,
    name,
    demand: seen.demandKnown ? "recorded" : "alike",
    share,
    groupsInAll,
    groupsOfIt: seen.groups.length,
    groups: seen.groups.slice(0, o.limit).map((group) => ({ ...group })),
    reasons: seen.reasons.map((reason) => ({ ...reason })),
    missShare,
    ...(seen.sites === null
      ? {}
      : {
          sites: {
            names: seen.sites.slice(0, o.limit),
            held: seen.sites.length,
            inAll: snapshot.sites.length,
          },
        }),
  };
}
