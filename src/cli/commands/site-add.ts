import type { Command } from "commander";
import type { z } from "zod";
import type { Changed, SiteView, sitePut } from "../../model/api/mod.ts";
import { type ApiClient, ApiRefusal } from "../api-client.ts";
import { onlyCustomer } from "./find-customer.ts";
import { hostnameOf } from "./find-site.ts";
import { foundAt } from "./found-at.ts";
import { numberFlag } from "./number-flag.ts";
import { noun, verb } from "./verb.ts";
import { pendingWords } from "./zone-claim.ts";

const TRIES = 3;

export interface SiteFlags {
  readonly customer?: string;
  readonly onboarding?: "delegation" | "cname" | "hosted";
  readonly front?: "servers" | "caches";
  readonly scheme?: "http" | "https";
  readonly port?: string;
  readonly origin?: string;
}

export function registerSiteAdd(program: Command): void {
  verb<SiteFlags>(noun(program, "site", "Customers' host names"), {
    usage: "add <hostname>",
    description:
      "Add a site, or change what is said here of the one that is there; it is published at once",
    examples: [
      "turnpike site add www.shop.example --customer shop --origin a=192.0.2.10,b=192.0.2.11",
      "turnpike site add www.shop.example --customer shop --onboarding delegation",
      "turnpike site add www.shop.example --front caches",
    ],
    options: [
      ["--customer <name>", "whose site it is"],
      ["--onboarding <how>", "cname, delegation or hosted; cname if not given"],
      ["--front <what>", "what its name is answered with: servers or caches; servers if not given"],
      ["--scheme <scheme>", "how the web servers are asked: http or https; http if not given"],
      ["--port <port>", "their port, if not 80 or 443"],
      ["--origin <name=address,...>", "web servers, by name and IPv4 or IPv6 address"],
    ],
    run: async ({ api, args, flags, print }) => {
      const hostname = hostnameOf(args[0] ?? "");
      const customer = await onlyCustomer(api, flags.customer);
      const changed = await putSite(api, { customer, hostname }, flags);
      print(changed, changedWords(changed));
      return 0;
    },
  });
}

/** Upon what the site is: who else changes it meanwhile finds that again, and of two who add it the second changes it. */
export async function putSite(
  api: Pick<ApiClient, "call">,
  params: { readonly customer: string; readonly hostname: string },
  flags: SiteFlags,
): Promise<Changed> {
  for (let tries = 1; ; tries++) {
    const sites = await api.call("listSites", { params: { customer: params.customer } });
    const found = sites.find(({ site }) => site.hostname === params.hostname);
    const body = siteBody(flags, found?.site);
    try {
      return await api.call("putSite", { params, body, ifMatch: found?.etag ?? null });
    } catch (error) {
      const isOther = error instanceof ApiRefusal && error.status === 412;
      if (!isOther || tries >= TRIES) throw error;
    }
  }
}

/** The site as it is to be: what the flags do not say stays as it was. */
export function siteBody(flags: SiteFlags, before?: SiteView["site"]): z.input<typeof sitePut> {
  const { onboarding, front, scheme, port, origin = "" } = flags;
  const { hostname: _, origins: had = [], ...kept } = before ?? {};
  const given = origin.split(",").filter((text) => text !== "");
  const added = given.map((text) => {
    const { name, ...at } = originOf(text);
    return { ...foundAt(had.find((one) => one.name === name) ?? {}, at), name };
  });
  // Each stays in its place: filters may go by it.
  const stay = had.map((one) => added.find(({ name }) => name === one.name) ?? one);
  const fresh = added.filter(({ name }) => !had.some((one) => one.name === name));
  return {
    ...kept,
    ...(onboarding === undefined ? {} : { onboarding }),
    ...(front === undefined ? {} : { front }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(port === undefined ? {} : { port: numberFlag("--port", port) }),
    ...(added.length === 0 ? {} : { origins: [...stay, ...fresh] }),
  };
}

function originOf(text: string): { name: string; v4?: string; v6?: string } {
  const at = text.indexOf("=");
  const address = text.slice(at + 1);
  const name = text.slice(0, Math.max(0, at));
  return address.includes(":") ? { name, v6: address } : { name, v4: address };
}

/** What every change to a site prints. */
export function changedWords({ changes, snapshot, pending }: Changed): string[] {
  if (pending !== undefined) return pendingWords(pending);
  if (snapshot === null) return ["No changes"];
  return [...changes, `Published as snapshot ${snapshot}`];
}
