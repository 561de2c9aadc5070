import { z } from "zod";
import { asGroupRoutes } from "./as-groups.ts";
import { billingRoutes } from "./billing.ts";
import { certificateRoutes } from "./certificate.ts";
import { claimRoutes } from "./claim.ts";
import { credentialRoutes } from "./credentials.ts";
import {
  changed,
  customerParams,
  customerRow,
  customerView,
  originParams,
  originPatch,
  originPut,
  siteParams,
  sitePut,
  siteView,
} from "./customer.ts";
import { explainQuery, explanation } from "./explain.ts";
import {
  applied,
  apply,
  networkView,
  published,
  rollback,
  snapshotRow,
  snapshotsQuery,
} from "./intent.ts";
import { live } from "./live.ts";
import { loadPush, loadPushed } from "./load.ts";
import { logTailRoutes } from "./log-tail.ts";
import { networkRoutes } from "./networks.ts";
import { nodeRoutes } from "./node.ts";
import { purgeRoutes } from "./purge.ts";
import { route } from "./route.ts";
import { auditEntry, session, signIn, tokenCreate, tokenCreated, tokenRow } from "./session.ts";
import { setUpRoutes } from "./set-up.ts";
import { signingKeyRoutes } from "./signing-keys.ts";
import { simulate, simulated } from "./simulate.ts";
import { who, whoQuery } from "./who.ts";
import { whyRoutes } from "./why.ts";
import { whyNotRoutes } from "./why-not.ts";
import { zoneRoutes } from "./zone.ts";
import { zoneExtraRoutes } from "./zone-extras.ts";
import { zoneKeysParams, zoneKeysView, zoneRoll } from "./zone-keys.ts";

const SITE = "/customers/{customer}/sites/{hostname}";
const ORIGIN = `${SITE}/origins/{name}` as const;

const people = {
  signIn: route({
    method: "post",
    path: "/session",
    access: "anyone",
    status: 200,
    summary: "Sign in; sets the session cookie",
    body: signIn,
    reply: session,
  }),
  whoAmI: route({
    method: "get",
    path: "/session",
    access: "signed-in",
    status: 200,
    summary: "Who is signed in",
    reply: session,
  }),
  signOut: route({
    method: "delete",
    path: "/session",
    access: "signed-in",
    status: 204,
    summary: "Sign out",
  }),
  listTokens: route({
    method: "get",
    path: "/tokens",
    access: "signed-in",
    status: 200,
    summary: "One's own tokens, without their secrets",
    reply: z.array(tokenRow),
  }),
  createToken: route({
    method: "post",
    path: "/tokens",
    access: "signed-in",
    status: 201,
    summary: "Make a token; it is shown this once",
    body: tokenCreate,
    reply: tokenCreated,
  }),
  revokeToken: route({
    method: "delete",
    path: "/tokens/{id}",
    access: "signed-in",
    status: 204,
    summary: "Revoke a token",
    params: z.object({ id: z.string().min(1).max(80) }),
  }),
  listAudit: route({
    method: "get",
    path: "/audit",
    access: "signed-in",
    status: 200,
    summary: "Changes, newest first; members see their customer's",
    query: z.object({
      before: z.coerce.number().int().min(1).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
    reply: z.array(auditEntry),
  }),
} as const;

const network = {
  readNetwork: route({
    method: "get",
    path: "/network",
    access: "operator",
    status: 200,
    summary: "The intent as stored, without passwords",
    reply: networkView,
  }),
  apply: route({
    method: "post",
    path: "/apply",
    access: "operator",
    status: 200,
    summary: "Make the intent what a network file says; all of it or nothing",
    conditional: true,
    body: apply,
    reply: applied,
  }),
  publish: route({
    method: "post",
    path: "/publish",
    access: "operator",
    status: 200,
    summary: "Compile the newest intent and send it to every node",
    reply: published,
  }),
  rollback: route({
    method: "post",
    path: "/rollback",
    access: "operator",
    status: 200,
    summary: "Publish what an earlier snapshot held, under a new number",
    body: rollback,
    reply: published,
  }),
  listSnapshots: route({
    method: "get",
    path: "/snapshots",
    access: "operator",
    status: 200,
    summary: "The last snapshots, newest first; older ones by their numbers",
    query: snapshotsQuery,
    reply: z.array(snapshotRow),
  }),
  explain: route({
    method: "get",
    path: "/explain",
    access: "signed-in",
    status: 200,
    summary: "Why a name is answered as it is for a client",
    query: explainQuery,
    reply: explanation,
  }),
  who: route({
    method: "get",
    path: "/who",
    access: "signed-in",
    status: 200,
    summary: "Which clients are answered with a server, and why",
    query: whoQuery,
    reply: who,
  }),
  simulate: route({
    method: "post",
    path: "/simulate",
    access: "operator",
    status: 200,
    summary: "What a draft of the network file would do to clients",
    body: simulate,
    reply: simulated,
  }),
} as const;

const customers = {
  listCustomers: route({
    method: "get",
    path: "/customers",
    access: "signed-in",
    status: 200,
    summary: "All customers; a member sees one",
    reply: z.array(customerRow),
  }),
  readCustomer: route({
    method: "get",
    path: "/customers/{customer}",
    access: "viewer",
    status: 200,
    summary: "One customer",
    params: customerParams,
    reply: customerView,
  }),
  listSites: route({
    method: "get",
    path: "/customers/{customer}/sites",
    access: "viewer",
    status: 200,
    summary: "A customer's sites",
    params: customerParams,
    reply: z.array(siteView),
  }),
  readSite: route({
    method: "get",
    path: SITE,
    access: "viewer",
    status: 200,
    summary: "One site, with its entity tag in ETag",
    params: siteParams,
    reply: siteView,
  }),
  putSite: route({
    method: "put",
    path: SITE,
    access: "editor",
    status: 200,
    summary: "Add a site, or give it these settings; origins, rules and records left out stay",
    conditional: true,
    params: siteParams,
    body: sitePut,
    reply: changed,
  }),
  deleteSite: route({
    method: "delete",
    path: SITE,
    access: "editor",
    status: 200,
    summary: "Remove a site; its CNAME target is never given to another",
    conditional: true,
    params: siteParams,
    reply: changed,
  }),
  putOrigin: route({
    method: "put",
    path: ORIGIN,
    access: "editor",
    status: 200,
    summary: "Add a web server or change it",
    params: originParams,
    body: originPut,
    reply: changed,
  }),
  patchOrigin: route({
    method: "patch",
    path: ORIGIN,
    access: "editor",
    status: 200,
    summary: "Change a web server's weight or state",
    params: originParams,
    body: originPatch,
    reply: changed,
  }),
  reportLoad: route({
    method: "post",
    path: `${ORIGIN}/load`,
    access: "editor",
    status: 200,
    summary: "Say what load a web server carries; it counts for ttlSec",
    params: originParams,
    body: loadPush,
    reply: loadPushed,
  }),
  deleteOrigin: route({
    method: "delete",
    path: ORIGIN,
    access: "editor",
    status: 200,
    summary: "Remove a web server",
    params: originParams,
    reply: changed,
  }),
  readLive: route({
    method: "get",
    path: `${SITE}/live`,
    access: "viewer",
    status: 200,
    summary: "Health, load and traffic of each address",
    params: siteParams,
    reply: live,
  }),
  ...purgeRoutes,
} as const;

const keys = {
  readZoneKeys: route({
    method: "get",
    path: "/zones/{zone}/keys",
    access: "signed-in",
    status: 200,
    summary: "The public keys of a signed zone, and what its parent is to have",
    params: zoneKeysParams,
    reply: zoneKeysView,
  }),
  rollZoneKey: route({
    method: "post",
    path: "/zones/{zone}/roll",
    access: "signed-in",
    status: 200,
    summary: "Take the next step of changing a zone's key",
    params: zoneKeysParams,
    body: zoneRoll,
    reply: zoneKeysView,
  }),
} as const;

/** Every route of the API, by the name that callers use. */
export const routes = {
  ...people,
  ...network,
  ...customers,
  ...billingRoutes,
  ...keys,
  ...asGroupRoutes,
  ...networkRoutes,
  ...logTailRoutes,
  ...nodeRoutes,
  ...credentialRoutes,
  ...signingKeyRoutes,
  ...certificateRoutes,
  ...whyRoutes,
  ...whyNotRoutes,
  ...zoneRoutes,
  ...claimRoutes,
  ...setUpRoutes,
  ...zoneExtraRoutes,
} as const;
export type RouteName = keyof typeof routes;
