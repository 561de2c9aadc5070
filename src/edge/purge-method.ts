import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/mod.ts";
import type { PurgeAsk, PurgeTold } from "../model/purge.ts";
import { tagsOf } from "../policy/caching/mod.ts";
import { Buckets, bucketName, clientAddress } from "../policy/rules/mod.ts";
import { siteAsked } from "./hot/ask.ts";
import type { Words } from "./hot/crew.ts";
import { type Refusal, refusals, refuse } from "./hot/refuse.ts";
import type { EdgeTable } from "./hot/table.ts";
import type { PurgeLog } from "./purge-log.ts";

/** Tokens of ours: others are nobody's here. */
const BEARER = /^Bearer +(tp_\S{1,200})$/i;
const TAGS_MAX = 32;
/** Of one client network; a token that is unknown counts as so many. */
const CLIENT_RATE = { perSec: 20, burst: 200, v4Bits: 32, v6Bits: 64 };
const UNKNOWN_COST = 20;
/** What control is asked by this node, for all clients together. */
const NODE_RATE = { perSec: 200, burst: 400 };
const ASKS_MAX = 16;
const CLIENTS_MAX = 10_000;
const ASK_TIMEOUT_MS = 5_000;
/** A client is told that the purge is in force here where that comes to pass so soon. */
const APPLIED_MS = 2_000;
const LOOK_MS = 5;

const words = {
  plain: { status: 403, words: "A token is taken over HTTPS only" },
  token: {
    status: 401,
    words: "This token is not known",
    fields: { "www-authenticate": "Bearer" },
  },
  scope: { status: 403, words: "This token may not purge" },
  target: { status: 400, words: `Expected a path, or up to ${TAGS_MAX} tags` },
  away: {
    status: 503,
    words: "Nothing was purged: the purge log does not answer",
    fields: { "retry-after": "1" },
  },
} as const satisfies Record<string, Refusal>;

export interface PurgeMethodOptions {
  readonly node: string;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Knows which purges are in force here. */
  readonly inForce: () => Pick<PurgeLog, "hasApplied">;
  /** The buckets of all processes of this node; those of this one where it is left out. */
  readonly words?: Pick<Words, "takeRate">;
}

/**
 * The method PURGE, for who has a token of the site's customer: an entry of the purge log, which every
 * cache applies. The token is judged by control, which is told its SHA-256; here it is bounded how
 * often control is asked (threats C9).
 *
 *   PURGE https://www.shop.example/a.png      that URL; with Surrogate-Key, Cache-Tag... these tags
 *   200  {"numbers":[17]}                     in force here; other caches follow at once
 *   202                                       in the log, not in force here yet
 *   401  403  405  429  503                   unknown token; one that may not; another customer's;
 *                                             too many; nothing was purged
 */
export class PurgeMethod {
  readonly #o: PurgeMethodOptions;
  readonly #buckets = new Buckets(CLIENTS_MAX);
  readonly #all = new Buckets(1);
  #asks = 0;

  constructor(o: PurgeMethodOptions) {
    this.#o = o;
  }

  /** Null: no token of ours came with it, and it is refused as any method that is not served. */
  answer(request: Request, table: EdgeTable, client: string): Promise<Response> | null {
    const token = BEARER.exec(request.headers.get("authorization") ?? "")?.[1];
    if (token === undefined) return null;
    return this.#judge(request, { table, client, token }).then((told) =>
      told instanceof Response ? told : refuse(told, this.#o.node),
    );
  }

  async #judge(
    request: Request,
    from: { readonly table: EdgeTable; readonly client: string; readonly token: string },
  ): Promise<Response | Refusal> {
    if (!request.url.startsWith("https:")) return words.plain;
    const name = bucketName(clientAddress(from.client), CLIENT_RATE);
    const waitSec = this.#take(name) || this.#takeOfNode();
    if (waitSec > 0) return tooMany(waitSec);
    const asked = siteAsked(request, from.table);
    if ("status" in asked) return asked;
    const tags = [...tagsOf([...request.headers])];
    if (tags.length > TAGS_MAX) return words.target;
    if (this.#asks >= ASKS_MAX) return tooMany(1);
    this.#asks += 1;
    const told = await this.#ask({
      tokenHash: createHash("sha256").update(from.token).digest("hex"),
      customer: asked.entry.customer,
      ...{ site: asked.entry.hostname, path: asked.path, tags },
      soft: request.headers.get("fastly-soft-purge") === "1",
    }).finally(() => {
      this.#asks -= 1;
    });
    if (told === null) return words.away;
    if ("numbers" in told) return this.#done(told.numbers, told.term);
    const { refused } = told;
    if (refused === "many") return tooMany(told.waitSec ?? 1);
    if (refused === "foreign") return refusals.method;
    if (refused === "token") for (let i = 1; i < UNKNOWN_COST; i++) this.#take(name);
    return words[refused];
  }

  #take(name: string): number {
    const { words, clock } = this.#o;
    if (words !== undefined) return words.takeRate(`PURGE ${name}`, CLIENT_RATE);
    return this.#buckets.take(name, CLIENT_RATE, clock.monoMs());
  }

  #takeOfNode(): number {
    const { words, clock } = this.#o;
    if (words !== undefined) return words.takeRate("PURGE", NODE_RATE);
    return this.#all.take("", NODE_RATE, clock.monoMs());
  }

  /** Null: no answer came. */
  #ask(ask: PurgeAsk): Promise<PurgeTold | null> {
    return this.#o.bus.request("purge.ask", ask, ASK_TIMEOUT_MS).catch(() => null);
  }

  async #done(numbers: readonly number[], term: string | undefined): Promise<Response> {
    const last = Math.max(...numbers);
    const untilMs = performance.now() + APPLIED_MS;
    while (!this.#o.inForce().hasApplied(last, term) && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const status = this.#o.inForce().hasApplied(last, term) ? 200 : 202;
    return Response.json({ numbers }, { status, headers: { "cache-control": "no-store" } });
  }
}

function tooMany(waitSec: number): Refusal {
  const fields = { "retry-after": String(waitSec) };
  return { status: 429, words: "Too many purges", fields };
}
