import type { Command } from "commander";
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import type { PurgeCreate, PurgeView } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";
import { findSite, listSites } from "./find-site.ts";
import { type Tools, verb } from "./verb.ts";

const WAIT_SEC = 30;
const ASK_MS = 100;

export function registerPurge(program: Command): void {
  verb<Flags>(program, {
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
    ],
    options: [
      [
        "--tag <tag>",
        "all with this tag (Surrogate-Key, Cache-Tag, Edge-Cache-Tag, xkey, Cache-Groups)",
      ],
      ["--prefix <prefix>", "all whose path begins so"],
      ["--all", "everything of the site"],
      ["--customer <name>", "of all sites of this customer, in place of one"],
      ["--soft", "keep it, and ask the web servers before it is served again"],
      ["--wait", "until every cache has acknowledged it, at most 30 s"],
      ["--wait-sec <seconds>", "the same, for at most so long"],
    ],
    run: (tools) => (tools.flags.customer === undefined ? one(tools) : ofCustomer(tools)),
  });
}

interface Flags {
  readonly tag?: string;
  readonly prefix?: string;
  readonly all?: true;
  readonly customer?: string;
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

/** One entry of the log for each site. */
async function ofCustomer({ api, args, flags, print }: Tools<Flags>): Promise<number> {
  const { customer = "" } = flags;
  if (args.some((arg) => arg !== undefined)) {
    throw wrong("expected one of a hostname and --customer", args[0] ?? "");
  }
  const numbers: number[] = [];
  for (const { site } of await listSites(api, customer)) {
    const params = { customer, hostname: site.hostname };
    const body = orderOf(undefined, flags);
    numbers.push((await api.call("createPurge", { params, body })).number);
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
  return new Fault("bad-input", "", { problems: [{ path: "target", message, received }] });
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
