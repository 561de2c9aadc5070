import type { z } from "zod";
import type { ProblemDetails, Route, RouteName, routes } from "../../../model/api/mod.ts";

type Routes = typeof routes;

/** Where the API is mounted: `API_PREFIX` of model/api, which would bring all of zod with it. */
const PREFIX = "/api/v1";

/**
 * Method and path of every route that the portal calls. The types are those of the contract: a
 * route that is renamed there does not compile here.
 */
const CALLS = {
  signIn: ["post", "/session"],
  whoAmI: ["get", "/session"],
  signOut: ["delete", "/session"],
  listTokens: ["get", "/tokens"],
  createToken: ["post", "/tokens"],
  revokeToken: ["delete", "/tokens/{id}"],
  listAudit: ["get", "/audit"],
  apply: ["post", "/apply"],
  simulate: ["post", "/simulate"],
  publish: ["post", "/publish"],
  rollback: ["post", "/rollback"],
  readNetwork: ["get", "/network"],
  listSnapshots: ["get", "/snapshots"],
  listNodes: ["get", "/nodes"],
  patchNode: ["patch", "/nodes/{name}"],
  who: ["get", "/who"],
  explain: ["get", "/explain"],
  listCustomers: ["get", "/customers"],
  readCustomer: ["get", "/customers/{customer}"],
  listSites: ["get", "/customers/{customer}/sites"],
  putSite: ["put", "/customers/{customer}/sites/{hostname}"],
  deleteSite: ["delete", "/customers/{customer}/sites/{hostname}"],
  putOrigin: ["put", "/customers/{customer}/sites/{hostname}/origins/{name}"],
  patchOrigin: ["patch", "/customers/{customer}/sites/{hostname}/origins/{name}"],
  deleteOrigin: ["delete", "/customers/{customer}/sites/{hostname}/origins/{name}"],
  readSite: ["get", "/customers/{customer}/sites/{hostname}"],
  readLive: ["get", "/customers/{customer}/sites/{hostname}/live"],
  tailLog: ["get", "/customers/{customer}/sites/{hostname}/log"],
  readWhyNot: ["get", "/customers/{customer}/sites/{hostname}/why-not"],
  why: ["post", "/why"],
  createPurge: ["post", "/customers/{customer}/sites/{hostname}/purge"],
  listPurges: ["get", "/customers/{customer}/sites/{hostname}/purges"],
  listZones: ["get", "/customers/{customer}/zones"],
  readZone: ["get", "/customers/{customer}/zones/{zone}"],
  readZoneText: ["get", "/customers/{customer}/zones/{zone}/text"],
  putZone: ["put", "/customers/{customer}/zones/{zone}"],
  deleteZone: ["delete", "/customers/{customer}/zones/{zone}"],
  putRecords: ["put", "/customers/{customer}/zones/{zone}/records/{name}/{type}"],
  deleteRecords: ["delete", "/customers/{customer}/zones/{zone}/records/{name}/{type}"],
  readZoneKeys: ["get", "/zones/{zone}/keys"],
  checkSite: ["get", "/customers/{customer}/sites/{hostname}/set-up"],
  checkZone: ["get", "/customers/{customer}/zones/{zone}/set-up"],
  listClaims: ["get", "/customers/{customer}/claims"],
  checkClaim: ["post", "/customers/{customer}/claims/{name}/check"],
  deleteClaim: ["delete", "/customers/{customer}/claims/{name}"],
  readAddresses: ["get", "/addresses"],
  listCredentials: ["get", "/customers/{customer}/credentials"],
  putCredential: ["put", "/customers/{customer}/credentials/{name}"],
  deleteCredential: ["delete", "/customers/{customer}/credentials/{name}"],
  listSigningKeys: ["get", "/customers/{customer}/signing-keys"],
  putSigningKey: ["put", "/customers/{customer}/signing-keys/{name}"],
  deleteSigningKey: ["delete", "/customers/{customer}/signing-keys/{name}"],
  listCertificates: ["get", "/customers/{customer}/certificates"],
  addCertificate: ["post", "/customers/{customer}/certificates"],
  deleteCertificate: ["delete", "/customers/{customer}/certificates/{name}"],
  listObtained: ["get", "/customers/{customer}/obtained"],
  listNetworkObtained: ["get", "/obtained"],
  renewNetworkObtained: ["post", "/obtained/{host}/renew"],
  renewObtained: ["post", "/customers/{customer}/obtained/{host}/renew"],
  revokeObtained: ["post", "/customers/{customer}/obtained/{host}/revoke"],
  revokeNetworkObtained: ["post", "/obtained/{host}/revoke"],
  listNetworkCertificates: ["get", "/certificates"],
  addNetworkCertificate: ["post", "/certificates"],
  deleteNetworkCertificate: ["delete", "/certificates/{name}"],
  readUsage: ["get", "/customers/{customer}/usage"],
  listBillingMonths: ["get", "/customers/{customer}/billing-months"],
  listInvoices: ["get", "/customers/{customer}/invoices"],
  createInvoice: ["post", "/customers/{customer}/invoices"],
  readInvoice: ["get", "/invoices/{id}"],
  checkInvoice: ["get", "/invoices/{id}/check"],
  payInvoice: ["post", "/invoices/{id}/paid"],
} as const satisfies { [R in RouteName]?: readonly [Routes[R]["method"], Routes[R]["path"]] };

export type CallName = keyof typeof CALLS;

type Sent<R extends Route, K extends "params" | "query" | "body"> = R[K] extends z.ZodType
  ? { readonly [P in K]: z.input<R[K]> }
  : { readonly [P in K]?: undefined };

/** What a route takes: path parameters, query and body, as far as it has them. */
export type Ask<N extends CallName> = Sent<Routes[N], "params"> &
  Sent<Routes[N], "query"> &
  Sent<Routes[N], "body"> & {
    /** Only where what is changed still has this entity tag; else status 412. */
    readonly ifMatch?: string;
  };

export type Reply<N extends CallName> = Routes[N] extends {
  readonly reply: infer R extends z.ZodType;
}
  ? z.output<R>
  : undefined;

/** The API said no, or could not be reached (status 0). */
export class ApiFault extends Error {
  override readonly name = "ApiFault";
  readonly status: number;
  readonly problems: ProblemDetails["problems"];
  /** Seconds to wait, where the API said so. */
  readonly retryAfterSec: number | null;

  constructor(
    status: number,
    words: string,
    more: { problems?: ProblemDetails["problems"]; retryAfterSec?: number | null } = {},
  ) {
    super(words);
    this.status = status;
    this.problems = more.problems ?? [];
    this.retryAfterSec = more.retryAfterSec ?? null;
  }
}

/**
 * Calls a route. Throws ApiFault with the API's own words.
 *
 * @example await call("patchOrigin", { params: { customer, hostname, name }, body: { weight: 2 } })
 */
export async function call<N extends CallName>(name: N, ask: Ask<N>): Promise<Reply<N>> {
  const [method, template] = CALLS[name];
  const { params, query, body } = ask as {
    params?: Record<string, unknown>;
    query?: Record<string, unknown>;
    body?: unknown;
  };
  const headers: Record<string, string> = {};
  const path = template.replace(/\{([a-z]+)\}/gi, (_, key: string) =>
    encodeURIComponent(String(params?.[key] ?? "")),
  );
  const init: RequestInit = { method: method.toUpperCase(), credentials: "same-origin" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  if (ask.ifMatch !== undefined) headers["if-match"] = ask.ifMatch;
  init.headers = headers;
  const response = await fetch(PREFIX + path + queryText(query ?? {}), init).catch(() => null);
  if (response === null) throw new ApiFault(0, "The network's control cannot be reached just now");
  if (!response.ok) throw await faultOf(response);
  if (response.status === 204) return undefined as Reply<N>;
  return (await response.json()) as Reply<N>;
}

function queryText(query: Record<string, unknown>): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parts.set(key, String(value));
  }
  return parts.size === 0 ? "" : `?${parts}`;
}

async function faultOf(response: Response): Promise<ApiFault> {
  const details = (await response.json().catch(() => ({}))) as Partial<ProblemDetails>;
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const words = details.detail ?? details.title ?? `The API answered with ${response.status}`;
  return new ApiFault(response.status, words, {
    problems: details.problems ?? [],
    retryAfterSec: Number.isFinite(wait) ? wait : null,
  });
}
