import type { Command } from "commander";
import type { PurgeCreate, PurgeView } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";
import { findSite } from "./find-site.ts";
import { verb } from "./verb.ts";

const WAIT_MS = 30_000;
const ASK_MS = 100;

export function registerPurge(program: Command): void {
  verb<Flags>(program, {
    usage: "purge <hostname> [path]",
    description:
      "Purge a URL, or all with a tag or prefix, from every cache. With --wait, exit code 1 if one did not answer",
    examples: [
      "turnpike purge www.shop.example /logo.png",
      "turnpike purge www.shop.example '/list?page=2' --wait",
      "turnpike purge www.shop.example --tag product-17 --soft",
      "turnpike purge www.shop.example --prefix /img/",
      "turnpike purge www.shop.example --all",
    ],
    options: [
      [
        "--tag <tag>",
        "all with this tag (Surrogate-Key, Cache-Tag, Edge-Cache-Tag, xkey, Cache-Groups)",
      ],
      ["--prefix <prefix>", "all whose path begins so"],
      ["--all", "everything of the site"],
      ["--soft", "keep it, and ask the web servers before it is served again"],
      ["--wait", "until every cache has acknowledged it, at most 30 s"],
    ],
    run: async ({ api, args, flags, print }) => {
      const { customer, site } = await findSite(api, args[0] ?? "");
      const params = { customer, hostname: site.hostname };
      const { number } = await api.call("createPurge", { params, body: orderOf(args[1], flags) });
      if (flags.wait !== true) {
        print({ number }, `Purge ${number} is on its way`);
        return 0;
      }
      const view = await waitFor(api, number);
      const done = view.missing.length === 0;
      const words = done
        ? `Purge ${number} is acknowledged by ${view.acks.map((ack) => ack.node).join(", ")}`
        : `Purge ${number} is not acknowledged by ${view.missing.join(", ")}`;
      print(view, words);
      return done ? 0 : 1;
    },
  });
}

interface Flags {
  readonly tag?: string;
  readonly prefix?: string;
  readonly all?: true;
  readonly soft?: true;
  readonly wait?: true;
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

async function waitFor(api: ApiClient, number: number): Promise<PurgeView> {
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const view = await api.call("readPurge", { params: { number } });
    if (view.missing.length === 0 || performance.now() > endMs) return view;
    await new Promise((go) => setTimeout(go, ASK_MS));
  }
}
