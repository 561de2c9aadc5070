import type { RouteName } from "../../src/model/api/mod.ts";
import { type Handler, siteOf, who } from "./asked.ts";
import { whoOf } from "./who.ts";
import { whyNotOf, whyOf } from "./why-not.ts";

/** What was seen, and who gets what, as the double of the API tells it. */
export const seenHandlers = {
  readWhyNot: (world, input) => ({ reply: whyNotOf(world.nowMs, siteOf(world, input)) }),
  why: (world, input) => ({ reply: whyOf(world, input) }),
  who(world, input) {
    who(input);
    return { reply: whoOf(world, input.query.server, input.query.at) };
  },
  tailLog(world, input) {
    siteOf(world, input);
    const from = Number(input.query.after ?? world.logLines.length);
    const lines = world.logLines.slice(from).map((line) => ({ node: "fra-1", line }));
    return { reply: { next: String(world.logLines.length), lines, dropped: 0 } };
  },
} satisfies { readonly [N in RouteName]?: Handler };
