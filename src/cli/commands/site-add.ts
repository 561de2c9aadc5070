import type { Command } from "commander";
import type { z } from "zod";
import type { Changed, sitePut } from "../../model/api/mod.ts";
import { onlyCustomer } from "./find-customer.ts";
import { noun, verb } from "./verb.ts";
import { pendingWords } from "./zone-claim.ts";

interface Flags {
  readonly customer?: string;
  readonly onboarding?: "delegation" | "cname" | "hosted";
  readonly scheme?: "http" | "https";
  readonly port?: string;
  readonly origin?: string;
}

export function registerSiteAdd(program: Command): void {
  verb<Flags>(noun(program, "site", "Customers' host names"), {
    usage: "add <hostname>",
    description: "Add a site; it is published at once",
    examples: [
      "turnpike site add www.shop.example --customer shop --origin a=192.0.2.10,b=192.0.2.11",
      "turnpike site add www.shop.example --customer shop --onboarding delegation",
    ],
    options: [
      ["--customer <name>", "whose site it is"],
      ["--onboarding <how>", "cname, delegation or hosted", "cname"],
      ["--scheme <scheme>", "how the web servers are spoken to: http or https", "http"],
      ["--port <port>", "their port, if not 80 or 443"],
      ["--origin <name=address,...>", "web servers, by name and IPv4 or IPv6 address"],
    ],
    run: async ({ api, args, flags, print }) => {
      const hostname = args[0] ?? "";
      const customer = await onlyCustomer(api, flags.customer);
      const body = bodyOf(flags);
      const changed = await api.call("putSite", { params: { customer, hostname }, body });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}

function bodyOf(flags: Flags): z.input<typeof sitePut> {
  const origins = (flags.origin ?? "").split(",").filter((text) => text !== "");
  return {
    ...(flags.onboarding === undefined ? {} : { onboarding: flags.onboarding }),
    ...(flags.scheme === undefined ? {} : { scheme: flags.scheme }),
    ...(flags.port === undefined ? {} : { port: Number(flags.port) }),
    ...(origins.length === 0 ? {} : { origins: origins.map(originOf) }),
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
