import type { Command } from "commander";
import type { Live, ObtainedView, SiteView } from "../../model/api/mod.ts";
import { findSite } from "./find-site.ts";
import { originTable } from "./origin-list.ts";
import { noun, verb } from "./verb.ts";

function logLines(to: string | undefined, logs: NonNullable<Live["logs"]>): string[] {
  if (to === undefined) return [];
  const each = logs.map((one) => {
    const { deliveredLines, lostLines, waitingBytes, fault } = one;
    const state = fault === null ? "" : `; the last attempt failed: ${fault}`;
    const counts = `lines delivered ${deliveredLines}, lost ${lostLines}; bytes waiting ${waitingBytes}`;
    return `  ${one.node}  ${counts}${state}`;
  });
  return ["", `log, sent to ${to}`, ...(each.length === 0 ? ["  no cache has told yet"] : each)];
}

/** The one record that leads its hostname to us. */
function recordOf({ site, names }: SiteView): string {
  if (site.onboarding === "hosted") return "needs nothing: we host its zone";
  if (site.onboarding === "cname") return `${site.hostname}. CNAME ${names.cname}.`;
  return names.nameServers.map((name) => `${site.hostname}. NS ${name}.`).join("; ");
}

/** The path form needs no certificate of its own: it is there while the host form's is ordered. */
function httpsLines({ names, ports }: SiteView, obtained: ObtainedView): string[] {
  const row = obtained.names.find(({ host }) => host === names.cacheHost);
  if (row === undefined) return [];
  const port = ports.https === 443 ? "" : `:${ports.https}`;
  const shared = `https://${names.cachePath.replace("/", `${port}/`)}/`;
  const own = `https://${names.cacheHost}${port}/`;
  if (row.notAfter !== null || row.state === "own") return [`  over HTTPS     ${own} or ${shared}`];
  const why = row.problem ?? row.step;
  return [
    `  over HTTPS     ${shared}`,
    `                 ${own} when it has its certificate (${row.state}${why === "" ? "" : `: ${why}`})`,
  ];
}

/** Who vouches for its web servers, where that is not left to the public authorities. */
function authorityLines({ authorities }: SiteView): string[] {
  return (authorities ?? []).map(({ subject, state, notAfter }) => {
    const words = { valid: "until", ended: "ended", "not-yet": "not in force yet; until" }[state];
    return `  authority      ${subject}, ${words} ${notAfter}`;
  });
}

export function registerSiteShow(program: Command): void {
  verb(noun(program, "site", "Customers' host names"), {
    usage: "show <hostname>",
    description: "One site: the names it is reached by, and its web servers now",
    examples: ["turnpike site show www.shop.example"],
    run: async ({ api, args, print }) => {
      const found = await findSite(api, args[0] ?? "");
      const { customer, site, names, ports } = found;
      const port = ports.http === 80 ? "" : `:${ports.http}`;
      const shared = names.cachePath.replace("/", `${port}/`);
      const params = { customer, hostname: site.hostname };
      const live = await api.call("readLive", { params });
      print({ ...found, live }, [
        `${site.hostname}  (customer ${customer}, ${site.onboarding}, front: ${site.front})`,
        `  your DNS       ${recordOf(found)}`,
        `  CNAME target   ${names.cname}`,
        `  name servers   ${names.nameServers.join(", ")}`,
        `  static objects http://${names.cacheHost}${port}/ or http://${shared}/`,
        ...httpsLines(found, await api.call("listObtained", { params: { customer } })),
        ...authorityLines(found),
        `  snapshot ${live.snapshot}, health ${live.health}, assignment ${live.assignment}`,
        "",
        ...originTable(live),
        ...logLines(site.logs?.to, live.logs ?? []),
      ]);
      return 0;
    },
  });
}
