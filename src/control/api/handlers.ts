import { Fault } from "../../base/fault.ts";
import type { RouteName } from "../../model/api/mod.ts";
import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import type { Auth } from "../auth.ts";
import type { Changer } from "../change.ts";
import { changeLines, valueOrFault } from "../change.ts";
import type { ClaimBook } from "../claims.ts";
import { apply } from "../commands/apply.ts";
import { putAsGroups } from "../commands/as-groups.ts";
import { reportLoad } from "../commands/load.ts";
import { putMeasuredGroups } from "../commands/measured-groups.ts";
import { patchNode } from "../commands/node.ts";
import { publish, rollback } from "../commands/publish.ts";
import { createPurge, listPurges, readPurge } from "../commands/purge.ts";
import { deleteOrigin, deleteSite, patchOrigin, putOrigin, putSite } from "../commands/site.ts";
import { createToken, listTokens, revokeToken } from "../commands/token.ts";
import type { Deps } from "../deps.ts";
import { Explainer } from "../explain.ts";
import { heedNetwork, networkTag } from "../network-condition.ts";
import type { Counted } from "../predict-bills.ts";
import type { SetUpChecker } from "../set-up.ts";
import { simulateDraft } from "../simulate.ts";
import { SiteCondition } from "../site-condition.ts";
import { Throttle } from "../throttle.ts";
import { whoGetsServer } from "../who.ts";
import { why } from "../why.ts";
import { endedCookie, sessionCookie } from "./guard.ts";
import type { Handlers } from "./serve.ts";
import {
  auditRow,
  customerRow,
  customerView,
  publishedView,
  sessionView,
  siteViews,
  snapshotRows,
} from "./views.ts";
import { zoneHandlers } from "./zone-handlers.ts";

/** Routes that billing serves. */
type Billing =
  | "readUsage"
  | "listBillingMonths"
  | "listInvoices"
  | "createInvoice"
  | "readInvoice"
  | "payInvoice"
  | "checkInvoice";
/** Routes of keys and credentials. */
type Keys =
  | "readZoneKeys"
  | "rollZoneKey"
  | "readAddresses"
  | "listCredentials"
  | "putCredential"
  | "deleteCredential"
  | "listSigningKeys"
  | "putSigningKey"
  | "deleteSigningKey";
type Extras = "listTsigKeys" | "createTsigKey" | "deleteTsigKey";
type Certificates =
  | "listCertificates"
  | "addCertificate"
  | "deleteCertificate"
  | "listNetworkCertificates"
  | "addNetworkCertificate"
  | "deleteNetworkCertificate";
type Obtained =
  | "listObtained"
  | "renewObtained"
  | "revokeObtained"
  | "listNetworkObtained"
  | "renewNetworkObtained"
  | "revokeNetworkObtained";
export type ControlHandlers = Pick<
  Handlers,
  Exclude<RouteName, Billing | Keys | Extras | Certificates | Obtained>
>;

export interface Parts {
  readonly deps: Deps;
  readonly auth: Auth;
  readonly changer: Changer;
  readonly claims: ClaimBook;
  readonly checker: SetUpChecker;
  readonly counted: () => Counted;
  /** Of each customer's purges, whichever way they come. */
  readonly purges: Throttle;
}

/** Thin: each takes a checked call, asks a command or a reader, and shapes the answer. */
export function controlHandlers(parts: Parts): ControlHandlers {
  return {
    ...peopleHandlers(parts),
    ...networkHandlers(parts),
    ...customerHandlers(parts),
    ...changeHandlers(parts),
    ...zoneHandlers(parts),
    checkSite: ({ params }) => parts.checker.site(params.customer, params.hostname),
    checkZone: ({ params }) => parts.checker.zone(params.customer, params.zone),
  };
}

function peopleHandlers({ deps, auth }: Parts) {
  return {
    signIn: async ({ body, address, request, headers }) => {
      const { caller, secret } = await auth.signIn(body.email, body.password, address);
      headers.set("set-cookie", sessionCookie(request, secret));
      return sessionView(caller);
    },
    whoAmI: async ({ caller }) => sessionView(caller),
    signOut: async ({ caller, request, headers }) => {
      await auth.signOut(caller);
      headers.set("set-cookie", endedCookie(request));
      return undefined;
    },
    listTokens: ({ caller }) => listTokens(deps, caller),
    createToken: ({ caller, body }) => createToken(deps, caller, body),
    revokeToken: async ({ caller, params }) => {
      await revokeToken(deps, caller, params.id);
      return undefined;
    },
    listAudit: async ({ caller, query }) => {
      const before = query.before ?? null;
      const { customer } = caller;
      const entries = await deps.store.audits.list({ customer, before, limit: query.limit });
      return entries.map(auditRow);
    },
  } satisfies Partial<Handlers>;
}

function networkHandlers({ deps, changer, counted }: Parts) {
  const explainer = new Explainer(deps.feed, deps.history);
  return {
    readNetwork: async ({ headers }) => {
      const { version, network } = await deps.store.intents.read();
      const publishedVersion = deps.publisher.latest()?.intentVersion ?? 0;
      const etag = networkTag(version);
      headers.set("etag", etag);
      return { version, publishedVersion, network, etag };
    },
    apply: async ({ caller: { actor }, body, request }) => {
      const heed = (now: Parameters<typeof heedNetwork>[2]) =>
        heedNetwork(deps, request.headers, now);
      const done = valueOrFault(await apply(changer, { ...body, actor, heed }));
      const changes = done.changes.map((change) => ({ ...change }));
      return { ...done, changes, dryRun: body.dryRun };
    },
    publish: async ({ caller }) => {
      const done = valueOrFault(await publish(deps, changer, caller.actor));
      return publishedView(deps, done);
    },
    rollback: async ({ caller, body }) => {
      const order = { number: body.number, actor: caller.actor };
      const done = valueOrFault(await rollback(deps, changer, order));
      return publishedView(deps, done);
    },
    listSnapshots: ({ query: { before = null, limit } }) => snapshotRows(deps, { before, limit }),
    listNodes: async () => {
      const snapshot = deps.feed.snapshot();
      if (snapshot === null) return [];
      const acks = await deps.store.intents.acks();
      return deps.live.nodes(snapshot, new Map(acks.map((a) => [a.node, a.number])));
    },
    simulate: async ({ body }) => {
      const { network } = await deps.store.intents.read();
      return simulateDraft({ ...deps, network, counted: counted() }, body);
    },
    listMeasured: async () => deps.networks.list(),
    who: async ({ caller, query }) => whoGetsServer(deps, { ...query, customer: caller.customer }),
    why: ({ caller, body }) => why(deps, caller, body),
    explain: async ({ caller, query }) => {
      return explainer.explain({ ...query, customer: caller.customer });
    },
  } satisfies Partial<Handlers>;
}

function customerHandlers({ deps }: Parts) {
  const sitesOf = async (customer: string) => {
    const intent = await deps.store.intents.read();
    const now = { health: deps.feed.health(), wallMs: deps.clock.wallMs() };
    const views = siteViews(intent, customer, now);
    if (views === null) throw new Fault("not-found", customer);
    return views;
  };
  const customersOf = async () => (await deps.store.intents.read()).network?.customers ?? [];
  return {
    listCustomers: async ({ caller }) => {
      const customers = await customersOf();
      return customers
        .filter((c) => caller.kind === "operator" || c.name === caller.customer)
        .map(customerRow);
    },
    readCustomer: async ({ params }) => {
      const { network } = await deps.store.intents.read();
      const view = network === null ? null : customerView(network, params.customer);
      if (view === null) throw new Fault("not-found", params.customer);
      return view;
    },
    listSites: ({ params }) => sitesOf(params.customer),
    readSite: async ({ params, headers }) => {
      const views = await sitesOf(params.customer);
      const view = views.find(({ site }) => site.hostname === params.hostname);
      if (view === undefined) throw new Fault("not-found", params.hostname);
      headers.set("etag", view.etag);
      return view;
    },
    readLive: async ({ params }) => {
      const { snapshot, site } = publishedSite(deps, params);
      return deps.live.site(snapshot, site, deps.demand.ofSite(site.hostname));
    },
    readWhyNot: async ({ params }) => deps.whyNot.site(publishedSite(deps, params).site.hostname),
    tailLog: ({ params, query }) => {
      const { customer, hostname } = publishedSite(deps, params).site;
      return deps.tails.read({ customer, site: hostname }, query);
    },
    listPurges: ({ params, query: { before = null, limit } }) => {
      const { customer, hostname: site } = params;
      return listPurges(deps, { customer, site, before, limit });
    },
    listCustomerPurges: async ({ params: { customer }, query: { before = null, limit } }) => {
      const known = (await customersOf()).some(({ name }) => name === customer);
      if (!known) throw new Fault("not-found", customer);
      return listPurges(deps, { customer, site: null, before, limit });
    },
    readPurge: ({ caller, params }) => readPurge(deps, caller, params.number),
  } satisfies Partial<Handlers>;
}

/** @throws Fault `snapshot-missing`; `not-found` where no site of that customer is published as that */
function publishedSite(
  { feed }: Deps,
  { customer, hostname }: { readonly customer: string; readonly hostname: string },
): { readonly snapshot: Snapshot; readonly site: SnapshotSite } {
  const snapshot = feed.snapshot();
  if (snapshot === null) throw new Fault("snapshot-missing");
  const site = snapshot.sites.find((s) => s.hostname === hostname && s.customer === customer);
  if (site === undefined) throw new Fault("not-found", hostname);
  return { snapshot, site };
}

function changeHandlers({ deps, changer, claims, purges }: Parts) {
  const loads = new Throttle(deps.clock, { perSec: 50, burst: 500 });
  const answer = async (doing: ReturnType<typeof putSite>) => {
    const { changes, version, snapshot, pending } = valueOrFault(await doing);
    const waits = pending === undefined ? {} : { pending };
    return { changes: changeLines(changes), version, snapshot, ...waits };
  };
  return {
    putSite: ({ caller: { actor }, params, body, request: { headers } }) => {
      const condition = new SiteCondition(deps, headers, params);
      return answer(putSite(changer, { ...params, actor, claims, condition }, body));
    },
    deleteSite: ({ caller: { actor }, params, request: { headers } }) => {
      const condition = new SiteCondition(deps, headers, params);
      return answer(deleteSite(changer, { ...params, actor, condition }));
    },
    putOrigin: ({ caller, params, body }) =>
      answer(putOrigin(changer, { ...params, actor: caller.actor }, body)),
    patchOrigin: ({ caller, params, body }) =>
      answer(patchOrigin(changer, { ...params, actor: caller.actor }, body)),
    putAsGroups: async ({ caller, body }) => {
      const done = valueOrFault(await putAsGroups(changer, caller.actor, body));
      const { changes, ...rest } = done;
      return { ...rest, changes: changeLines(changes) };
    },
    putMeasuredGroups: async ({ caller, body }) => {
      const from = { actor: caller.actor, networks: deps.networks.measured() };
      const { changes, ...rest } = valueOrFault(await putMeasuredGroups(changer, from, body));
      return { ...rest, changes: changeLines(changes) };
    },
    patchNode: ({ caller, params, body }) =>
      answer(patchNode(changer, { ...params, actor: caller.actor }, body)),
    deleteOrigin: ({ caller, params }) =>
      answer(deleteOrigin(changer, { ...params, actor: caller.actor })),
    reportLoad: async ({ params, body }) => reportLoad(deps, loads, { ...params, ...body }),
    createPurge: async ({ caller, params, body }) => {
      const { customer, hostname: site } = params;
      const order = { customer, site, what: body, actor: caller.actor };
      return { number: (await createPurge(deps, purges, order)).number };
    },
  } satisfies Partial<Handlers>;
}
