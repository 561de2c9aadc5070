import { Fault } from "../../base/fault.ts";
import type { SiteView } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";

/** Sites that the caller may see, of one customer or of all. */
export async function listSites(api: ApiClient, customer?: string): Promise<readonly SiteView[]> {
  const customers =
    customer === undefined ? (await api.call("listCustomers")).map((c) => c.name) : [customer];
  const lists = await Promise.all(
    customers.map((name) => api.call("listSites", { params: { customer: name } })),
  );
  return lists.flat();
}

/** A host name belongs to one customer: people need not say which. */
export async function findSite(api: ApiClient, hostname: string): Promise<SiteView> {
  const name = hostnameOf(hostname);
  const site = (await listSites(api)).find((each) => each.site.hostname === name);
  if (site === undefined) throw new Fault("not-found", `no site ${name}`);
  return site;
}

/** A host name as sites have it: in lower case, without the final dot. */
export function hostnameOf(text: string): string {
  return text.toLowerCase().replace(/\.$/, "");
}

/** `www.shop.example/a` taken apart. */
export function splitOrigin(text: string): { hostname: string; name: string } {
  const [hostname = "", name = "", ...rest] = text.split("/");
  if (hostname === "" || name === "" || rest.length > 0) {
    const message = "expected <hostname>/<origin>, such as www.shop.example/a";
    throw new Fault("bad-input", "", { problems: [{ path: "origin", message, received: text }] });
  }
  return { hostname, name };
}
