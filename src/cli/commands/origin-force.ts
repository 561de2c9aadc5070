import type { Command } from "commander";
import type { ForcedState } from "../../model/origin.ts";
import type { ApiClient } from "../api-client.ts";
import { findSite, splitOrigin } from "./find-site.ts";
import { changedWords } from "./site-add.ts";
import { noun, verb } from "./verb.ts";

interface Flags {
  readonly until?: string;
}

const UNTIL = [
  "--until <time>",
  "when that ends: ISO 8601, or how long it lasts, such as 90s, 30m, 2h, 1d",
] as const;

export function registerOriginForce(program: Command): void {
  const parent = noun(program, "origin", "Customers' mirrored web servers");
  verb<Flags>(parent, {
    usage: "force <origin> <state>",
    description: "Overrule what is measured: up, down, drain, or auto to end that",
    examples: [
      "turnpike origin force www.shop.example/a down",
      "turnpike origin force www.shop.example/a up --until 30m",
      "turnpike origin force www.shop.example/a auto",
    ],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const state = (args[1] ?? "") as ForcedState;
      const changed = await force(api, args[0] ?? "", { state, ...endOf(flags) });
      print(changed, changedWords(changed));
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "drain <origin>",
    description: "Send nobody new to a web server; end it with origin force <origin> auto",
    examples: [
      "turnpike origin drain www.shop.example/a",
      "turnpike origin drain www.shop.example/a --until 2h",
    ],
    options: [UNTIL],
    run: async ({ api, args, flags, print }) => {
      const changed = await force(api, args[0] ?? "", { state: "drain", ...endOf(flags) });
      print(changed, changedWords(changed));
      return 0;
    },
  });
}

function endOf({ until }: Flags): { until?: string } {
  return until === undefined ? {} : { until: endAt(until, Date.now()) };
}

/**
 * A time as ISO 8601, from that or from how long it lasts. What is neither goes on as it is.
 *
 * @example endAt("2h", 0) // "1970-01-01T02:00:00.000Z"
 */
export function endAt(text: string, nowMs: number): string {
  const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
  if (count !== undefined && unitMs !== undefined) {
    return new Date(nowMs + Number(count) * unitMs).toISOString();
  }
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? text : new Date(atMs).toISOString();
}

async function force(
  api: ApiClient,
  origin: string,
  body: { readonly state: ForcedState; readonly until?: string },
) {
  const { hostname, name } = splitOrigin(origin);
  const { customer } = await findSite(api, hostname);
  return api.call("patchOrigin", { params: { customer, hostname, name }, body });
}
