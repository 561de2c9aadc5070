import type { Command } from "commander";
import type { PurgeView } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";
import { findSite } from "./find-site.ts";
import { numberFlag } from "./number-flag.ts";
import { type Tools, table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
  readonly before?: string;
  readonly limit: string;
}

/** @param purge the command that this is a word of */
export function registerPurgeList(purge: Command): void {
  // What stands after `list` is its own: both commands have --customer and --json.
  purge.enablePositionalOptions();
  verb<Flags>(purge, {
    usage: "list [hostname]",
    description: "The last purges with their receipts, newest first: of a site, a customer, or all",
    examples: [
      "turnpike purge list www.shop.example",
      "turnpike purge list --customer shop --limit 50",
      "turnpike purge list --before 1200 --json",
    ],
    options: [
      ["--customer <name>", "of all sites of this customer; default: of all that you may see"],
      ["--limit <number>", "how many, at most 100", "20"],
      ["--before <number>", "only those before that one"],
    ],
    run: async (tools) => {
      const views = await listed(tools);
      const heads = ["NUMBER", "ASKED", "SITE", "WHAT", "BY", "ACKED", "IN", "LATE"];
      tools.print(views, table(heads, views.map(cellsOf), "Nothing was purged"));
      return 0;
    },
  });
}

async function listed({ api, args, flags }: Tools<Flags>): Promise<readonly PurgeView[]> {
  const [hostname] = args;
  const { before } = flags;
  const query = {
    limit: numberFlag("--limit", flags.limit),
    ...(before !== undefined && { before: numberFlag("--before", before) }),
  };
  if (hostname !== undefined) {
    const { customer, site } = await findSite(api, hostname);
    const params = { customer, hostname: site.hostname };
    return api.call("listPurges", { params, query });
  }
  const lists = await Promise.all(
    (await customersOf(api, flags)).map((customer) =>
      api.call("listCustomerPurges", { params: { customer }, query }),
    ),
  );
  const all = lists.flat().sort((a, b) => b.purge.number - a.purge.number);
  return all.slice(0, query.limit);
}

async function customersOf(api: ApiClient, { customer }: Flags): Promise<readonly string[]> {
  if (customer !== undefined) return [customer];
  return (await api.call("listCustomers")).map(({ name }) => name);
}

function cellsOf({ purge, acks, missing, by }: PurgeView): readonly unknown[] {
  const lastMs = Math.max(...acks.map(({ atMs }) => atMs));
  return [
    purge.number,
    new Date(purge.atMs).toISOString(),
    purge.site,
    whatOf(purge),
    by,
    `${acks.length}/${acks.length + missing.length}`,
    acks.length === 0 ? "-" : `${Math.max(0, lastMs - purge.atMs)} ms`,
    missing.join(", ") || "-",
  ];
}

/** As the command that asks for it says it. */
function whatOf({ scope = "url", path, soft }: PurgeView["purge"]): string {
  const words = scope === "site" ? "--all" : scope === "url" ? path : `--${scope} ${path}`;
  return soft === true ? `${words} --soft` : words;
}
