import type { Command } from "commander";
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import type { PurgeCreate, PurgeView, SiteView } from "../../model/api/mod.ts";
import { type ApiClient, ApiRefusal } from "../api-client.ts";
import { findSite, listSites } from "./find-site.ts";
import { registerPurgeList } from "./purge-list.ts";
import { type Tools, verb } from "./verb.ts";

const WAIT_SEC = 30;
const ASK_MS = 100;

export function registerPurge(program: Command): void {
  const purge = verb<Flags>(program, {
    usage: "purge [target] [path]",
    description:
      "Purge a URL, or all with a tag or prefix, from every cache. With --wait, exit code 1 if one did not answer",
    examples: [
      "turnpike purge https://www.shop.example/logo.png",
      "turnpike purge www.shop.example '/list?page=2' --wait",
      "turnpike purge www.shop.example --tag product-17 --soft",
      "turnpike purge www.shop.example --prefix /img/",
      "turnpike purge www.shop.example --all",
      "turnpike purge --customer shop --all --soft",
      "turnpike purge --all-sites --all --soft --confirm cdn.example",
    ],
    options: [
      [
        "--tag <tag>",
        "all with this tag (Surrogate-Key, Cache-Tag, Edge-Cache-Tag, xkey, Cache-Groups)",
      ],
      ["--prefix <prefix>", "all whose path begins so"],
      ["--all", "everything of the site"],
      ["--customer <name>", "of all sites of this customer, in place of one"],
      ["--all-sites", "of all customers' sites; for the operator"],
      [
        "--confirm <zone>",
        "with --all-sites: the network's zone, so that nobody does that unmeant",
      ],
      ["--soft", "keep it, and ask the web servers before it is served again"],
      ["--wait", "until every cache has acknowledged it, at most 30 s"],
      ["--wait-sec <seconds>", "the same, for at most so long"],
    ],
    run: (tools) => {
      if (tools.flags.allSites === true) return ofNetwork(tools);
      return tools.flags.customer === undefined ? one(tools) : ofCustomer(tools);
    },
  });
  registerPurgeList(purge);
}

interface Flags {
  readonly tag?: string;
  readonly prefix?: string;
  readonly all?: true;
  readonly customer?: string;
  readonly allSites?: true;
  readonly confirm?: string;
  readonly soft?: true;
  readonly wait?: true;
  readonly waitSec?: string;
}

async function one({ api, args, flags, print }: Tools<Flags>): Promise<number> {
  const { hostname, path } = targetOf(args);
  const { customer, site } = await findSite(api, hostname);
  const params = { customer, hostname: site.hostname };
  const { number } = await api.call("createPurge", { params, body: orderOf(path, flags) });
  if (flags.wait !== true && flags.waitSec === undefined) {
    print({ number }, `Purge ${number} is on its way`);
    return 0;
  }
  const [view] = await waitFor(api, [number], flags.waitSec);
  assert(view !== undefined, "Each purge has its receipt");
  print(view, receiptOf(view));
  return view.missing.length === 0 ? 0 : 1;
}

async function ofCustomer(tools: Tools<Flags>): Promise<number> {
  const { api, args, flags } = tools;
  if (args.some((arg) => arg !== undefined)) {
    throw wrong("expected one of a hostname and --customer", args[0] ?? "");
  }
  return ofSites(tools, await listSites(api, flags.customer));
}

/** Who may not read the network is refused by that; who has not said its zone, by us. */
async function ofNetwork(tools: Tools<Flags>): Promise<number> {
  const { api, args, flags } = tools;
  const given = args[0] ?? flags.customer;
  if (given !== undefined)
    throw wrong("expected --all-sites without a hostname or --customer", given);
  const { network } = await api.call("readNetwork");
  if (network === null) throw new Fault("not-found", "no network was applied yet");
  if (flags.confirm !== network.zone) {
    const message = `expected --confirm ${network.zone}: it is asked of all web servers of all customers again`;
    throw wrong(message, flags.confirm ?? "nothing");
  }
  return ofSites(tools, await listSites(api));
}

/** One entry of the log for each site. */
async function ofSites(
  { api, flags, print }: Tools<Flags>,
  sites: readonly SiteView[],
): Promise<number> {
  const numbers: number[] = [];
  if (sites.length === 0) {
    print({ numbers }, "No sites: nothing to purge");
    return 0;
  }
  for (const { customer, site } of sites) {
    const params = { customer, hostname: site.hostname };
    numbers.push(await numberOf(api, params, orderOf(undefined, flags)));
  }
  if (flags.wait !== true && flags.waitSec === undefined) {
    print({ numbers }, `Purges ${numbers.join(", ")} are on their way`);
    return 0;
  }
  const views = await waitFor(api, numbers, flags.waitSec);
  print(
    views,
    views.map((view) => `${view.purge.site}: ${receiptOf(view)}`),
  );
  return views.every((view) => view.missing.length === 0) ? 0 : 1;
}

/** A customer with hundreds of sites is waited for: so many purges a second are taken of each. */
async function numberOf(
  api: ApiClient,
  params: { readonly customer: string; readonly hostname: string },
  body: PurgeCreate,
): Promise<number> {
  for (;;) {
    try {
      return (await api.call("createPurge", { params, body })).number;
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 429) throw error;
      await new Promise((go) => setTimeout(go, ASK_MS));
    }
  }
}

/** `www.shop.example /a`, or as a browser shows it: `https://www.shop.example/a`. */
function targetOf([target = "", path]: readonly string[]): { hostname: string; path?: string } {
  if (target === "") throw wrong("expected a hostname, a URL or --customer", "");
  const [, host, rest = ""] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  if (host === undefined)
    return path === undefined ? { hostname: target } : { hostname: target, path };
  if (path !== undefined) throw wrong("expected one of a URL and a path", path);
  const hostname = host.replace(/:\d+$/, "");
  const [asked = ""] = rest.split("#", 1);
  // Nobody who writes down a URL without a path means all of the site.
  return { hostname, path: asked.startsWith("/") ? asked : `/${asked}` };
}

function wrong(message: string, received: string): Fault {
  const problem = { path: "target", message, received: received === "" ? "nothing" : received };
  return new Fault("bad-input", "", { problems: [problem] });
}

/** What was given, as it was given: the API says what is missing or too much. */
function orderOf(path: string | undefined, flags: Flags): PurgeCreate {
  const { tag, prefix, all, soft } = flags;
  return {
    ...(path === undefined ? {} : { path }),
    ...(tag === undefined ? {} : { tag }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(all === undefined ? {} : { all }),
    ...(soft === undefined ? {} : { soft }),
  };
}

/** Who has it after how many ms, and who has not. */
function receiptOf({ purge, acks, missing }: PurgeView): string {
  const after = (atMs: number) => `${Math.max(0, atMs - purge.atMs)} ms`;
  const done = acks.map(({ node, atMs }) => `${node} (${after(atMs)})`).join(", ");
  if (missing.length === 0) return `Purge ${purge.number} is acknowledged by ${done}`;
  const late = `Purge ${purge.number} is not acknowledged by ${missing.join(", ")}`;
  return done === "" ? late : `${late}; by ${done} it is`;
}
/** How each stands once it is acknowledged by all, or the time is over. */
async function waitFor(
  api: ApiClient,
  numbers: readonly number[],
  waitSec = String(WAIT_SEC),
): Promise<readonly PurgeView[]> {
  const sec = Number(waitSec);
  if (!(sec > 0)) throw wrong("expected seconds to wait", waitSec);
  const endMs = performance.now() + sec * 1000;
  const views: PurgeView[] = [];
  for (const number of numbers) {
    let view = await api.call("readPurge", { params: { number } });
    while (view.missing.length > 0 && performance.now() < endMs) {
      await new Promise((go) => setTimeout(go, ASK_MS));
      view = await api.call("readPurge", { params: { number } });
    }
    views.push(view);
  }
  return views;
}
