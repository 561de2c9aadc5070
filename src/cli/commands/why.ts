import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { WhyNotReply, WhyReply } from "../../model/api/mod.ts";
import { findSite } from "./find-site.ts";
import { table, verb } from "./verb.ts";

interface Flags {
  readonly client: string;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  readonly field?: readonly string[];
}

export function registerWhy(program: Command): void {
  verb<Flags>(program, {
    usage: "why <url>",
    description:
      "Why a request would be no hit, at each cache, and by which rules; of a hostname alone: why those of " +
      "the last hour were none",
    examples: [
      "turnpike why www.shop.example",
      "turnpike why https://www.shop.example.cdn.example/logo.png",
      "turnpike why https://www.shop.example/ --client 198.51.100.7 --field 'Cookie: ab=1'",
    ],
    options: [
      ["--client <ip>", "the client's address", "192.0.2.1"],
      ["--method <method>", "the request's method", "GET"],
      ["--field <field...>", "request fields, each as 'Name: value'"],
    ],
    run: async ({ api, args, flags, print }) => {
      const [asked = ""] = args;
      if (!asked.includes("/")) {
        const { customer, site } = await findSite(api, asked);
        const report = await api.call("readWhyNot", {
          params: { customer, hostname: site.hostname },
        });
        print(report, whyNotWords(site.hostname, report));
        return 0;
      }
      const { client, method, field = [] } = flags;
      const fields = Object.fromEntries(field.map(fieldOf));
      const reply = await api.call("why", { body: { url: asked, client, method, fields } });
      print(reply, whyWords(reply));
      return 0;
    },
  });
}

function fieldOf(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) {
    const problem = { path: "--field", message: "expected 'Name: value'", received: text };
    throw new Fault("bad-input", "", { problems: [problem] });
  }
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

export function whyWords(reply: WhyReply): string[] {
  const lines = [`${reply.site}  (named as: ${reply.form})`];
  for (const { node, here } of reply.caches) {
    if (here === null) {
      lines.push("", `${node}: refuses it: no site here has that address, or not with that method`);
      continue;
    }
    lines.push("", `${node}: ${here.verdict} (${here.reason})`, `   key   ${here.path}`);
    for (const { name, value } of here.parts) lines.push(`         ${name} = ${value ?? "none"}`);
    if (here.held !== null) {
      const { tier, status, bytes, ageSec, lifetimeSec, from } = here.held;
      const left = lifetimeSec - ageSec;
      lines.push(
        `   held  status ${status}, ${bytes} bytes, from ${tier}; age ${ageSec} s of ${lifetimeSec} s ` +
          `(${from}), ${left > 0 ? `${left} s left` : "over"}`,
      );
    }
    const { parents = [] } = here;
    if (parents.length > 0) lines.push(`   asks  ${parents.join(", then ")}, then its web servers`);
    lines.push(`   rules ${here.rules.length === 0 ? "none match" : here.rules.join(", ")}`);
    for (const { setting, rule } of here.decided) lines.push(`         ${setting} by ${rule}`);
  }
  for (const node of reply.silent) lines.push("", `${node}: did not answer`);
  return reply.about.length === 0 ? lines : [...lines, "", ...aboutWords(reply.about)];
}

/** What reasons mean, and below each what to do about it. */
function aboutWords(about: WhyReply["about"]): string[] {
  return about.flatMap(({ reason, means, fix }) => [
    `${reason}: ${means}.`,
    ...(fix === null ? [] : [`   ${fix}`]),
  ]);
}

export function whyNotWords(hostname: string, report: WhyNotReply): string[] {
  const { requests, hitRatio, reasons } = report;
  const since = new Date(report.sinceMs).toISOString();
  if (hitRatio === null) return [`${hostname}: no requests at caches since ${since}`];
  const head = `${hostname}: ${requests} requests since ${since}, ${percent(hitRatio)} hits`;
  if (reasons.length === 0) return [head];
  const rows = reasons.map((row) => {
    const gain = row.gain === null ? "?" : row.gain === 0 ? "-" : `+${percent(row.gain)}`;
    return [row.reason, String(row.requests), percent(row.share), gain];
  });
  const lines = [table(["WHY NOT A HIT", "REQUESTS", "SHARE", "GAIN"], rows)].flat();
  return [head, "", ...lines, "", ...aboutWords(reasons)];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
