import { Fault } from "../../base/fault.ts";
import { hash32 } from "../../base/rng.ts";
import type { Choice } from "../../model/decision.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { keyParts } from "../../policy/rules/mod.ts";
import { hasTiers, parentsOf, type View } from "../../policy/steering/mod.ts";
import { readTierTold, TIER_FIELD, type TierTold, writeTierMark } from "../../wire/http/mod.ts";
import type { Fields, ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { Changed } from "./changed.ts";
import type { EdgeCounts } from "./count.ts";
import type { Fetched, Sending } from "./fetched.ts";
import {
  AVOIDED_MAX,
  CHANGED_ELSEWHERE_MS,
  CHANGED_MAX,
  CHANGED_MS,
  PARENT_AVOID_MS,
  PARENT_EXCHANGES_MAX,
  PARENT_HEAD_MS,
  PARENTS_ASKED_MAX,
  SILENT_MS,
} from "./limits.ts";
import type { OriginClient, OriginRequest, OriginResponse } from "./origin.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { fieldsToSend, schemeOf } from "./request-fields.ts";
import { Shares } from "./shares.ts";
import type { TierKeys } from "./tier.ts";
import { OF_CACHES, TIER_PATH } from "./tier-ask.ts";

/** What stored objects are held against: see `Bans`. */
export type Judged = Pick<
  ObjectMeta,
  "customer" | "site" | "path" | "fields" | "receivedMs" | "purge" | "groupEnds"
>;

/** Where an unsafe request went through: this cache, or another one that told of it. */
export type Where = "here" | "elsewhere";

export interface ParentTimes {
  /** How long a parent may take for the head of its answer. */
  readonly headMs: number;
  /** For how long one that failed is not asked. */
  readonly avoidMs: number;
}

export interface ParentsParts {
  readonly node: string;
  readonly origins: OriginClient;
  readonly counts: EdgeCounts;
  readonly nowMs: () => number;
  readonly tierKeys: TierKeys;
  /** The last purge that is applied or being applied here. */
  readonly purgeBegun: () => number;
  readonly purged: () => number;
  readonly banned: (of: Judged) => "hard" | "soft" | null;
  /** The presets where it is left out. */
  readonly parentTimes?: ParentTimes;
}

const PARENT_TIMES: ParentTimes = { headMs: PARENT_HEAD_MS, avoidMs: PARENT_AVOID_MS };
/** A key is signed with only once every cache had the time to learn it, ms. */
const KEY_SETTLES_MS = 60_000;

/** What a parent may say that no web server of the site could say better: it has asked them all. */
const FINAL = new Set<string>(["badGateway", "refused", "timeout", "noOrigin", "busy", "noObject"]);

/**
 * The step `fetch` by way of another cache: the parents of this one for the object, where the network
 * has tiers. State chart:
 *
 *   no tiers, the site has none, not to be shared,
 *   two caches passed, changed by an unsafe method     web servers
 *   as much open with a parent as it may have, or it
 *   failed a moment ago                                the next parent
 *   refused, silent, broken, an answer of no parent    the next parent, two at most; then web servers
 *   its own word that no web server answers            that, and no web server is asked again
 *   an answer that purges say is outdated here         web servers
 *   else                                               the answer
 */
export class Parents {
  readonly #parts: ParentsParts;
  readonly #shares: Shares;
  /** Places at each parent, by its id. */
  readonly #places = new Map<string, Shares>();
  /** Node id, or node id and site, -> until when it is not asked. */
  readonly #avoid = new Map<string, number>();
  readonly #changed = new Changed(CHANGED_MAX);

  constructor(parts: ParentsParts, shares: Shares) {
    this.#parts = parts;
    this.#shares = shares;
  }

  /** An unsafe request changed it: parents may still hold what was before. */
  changed(customer: string, key: string, where: Where): void {
    const ms = where === "here" ? CHANGED_MS : CHANGED_ELSEWHERE_MS;
    this.#changed.note(customer, key, performance.now() + ms);
  }

  /** The names of those that would be asked for it, in order. */
  named(ask: Ask, view: View): readonly string[] {
    const sending = { conditions: [], shared: true, cdnId: "" };
    if (this.#secret() === null || !this.#mayAsk(ask, view, sending)) return [];
    const o = { node: this.#parts.node, key: ask.key, from: [] };
    const { choices } = parentsOf(view, o, { brief: true });
    return choices.slice(0, PARENTS_ASKED_MAX).map(({ id }) => id.slice("node/".length));
  }

  /** Null: its web servers are to be asked. */
  async ask(ask: Ask, view: View, sending: Sending): Promise<Fetched | Refusal | null> {
    const secret = this.#secret();
    if (secret === null || !this.#mayAsk(ask, view, sending)) return null;
    const { node } = this.#parts;
    const from = ask.tier?.mark.from ?? [];
    const { choices } = parentsOf(view, { node, key: ask.key, from }, { brief: true });
    if (choices.length === 0) return null;
    const fields = this.#fields(ask, { sending, secret, from: [...from, node] });
    let asked = 0;
    for (const choice of this.#inOrder(ask, choices, sending.prefer)) {
      if (asked >= PARENTS_ASKED_MAX) return null;
      if (!this.#enter(choice.id, ask)) continue;
      asked++;
      const said = await this.#attempt(ask, { to: placeOf(view.snapshot, choice), fields });
      if (said !== "failed") return said === "outdated" ? null : said;
    }
    return null;
  }

  #mayAsk(ask: Ask, { snapshot }: View, sending: Sending): boolean {
    if (!(sending.shared || sending.above === true) || !hasTiers(snapshot)) return false;
    if (sending.direct === true || ask.entry.site.fetch?.tiers === false) return false;
    if (ask.method !== "GET" && ask.method !== "HEAD") return false;
    // All parts of one whole come from where the first came from.
    if (sending.prefer !== undefined && !sending.prefer.startsWith("node/")) return false;
    return !this.#changed.has(ask.entry.customer, ask.key, performance.now());
  }

  #inOrder(ask: Ask, choices: readonly Choice[], prefer: string | undefined): readonly Choice[] {
    const nowMs = performance.now();
    const avoided = (name: string) => (this.#avoid.get(name) ?? 0) > nowMs;
    const open = choices.filter(({ id }) => !avoided(id) && !avoided(forSite(id, ask)));
    const first = open.find(({ id }) => id === prefer);
    return first === undefined ? open : [first, ...open.filter((choice) => choice !== first)];
  }

  /** Takes a place at it, if this customer may have one more. */
  #enter(id: string, ask: Ask): boolean {
    const places = this.#places.get(id) ?? new Shares(PARENT_EXCHANGES_MAX);
    this.#places.set(id, places);
    const { customer } = ask.entry;
    if (!places.enter(customer)) return false;
    if (this.#shares.enter(customer)) return true;
    places.leave(customer);
    return false;
  }

  #left(id: string, ask: Ask): void {
    this.#places.get(id)?.leave(ask.entry.customer);
    this.#shares.leave(ask.entry.customer);
  }

  /**
   * Who cannot be reached is left alone for all; who was slow or wrong about one site for that site, as
   * it may be for this site's web servers alone (threats T10).
   */
  #leaveAlone(id: string, ask: Ask, why: "refused" | "failed"): void {
    const { avoidMs } = this.#parts.parentTimes ?? PARENT_TIMES;
    if (this.#avoid.size >= AVOIDED_MAX) this.#avoid.clear();
    this.#avoid.set(why === "refused" ? id : forSite(id, ask), performance.now() + avoidMs);
  }

  #secret(): Uint8Array | null {
    const keys = this.#parts.tierKeys.secrets();
    const nowMs = this.#parts.nowMs();
    const settled = keys.filter((key) => nowMs - key.madeMs >= KEY_SETTLES_MS);
    return (settled.at(-1) ?? keys[0])?.secret ?? null;
  }

  async #attempt(
    ask: Ask,
    o: {
      readonly to: ParentPlace;
      readonly fields: Fields;
    },
  ): Promise<Fetched | Refusal | "failed" | "outdated"> {
    const { id, ...at } = o.to;
    const { origins, counts, nowMs, parentTimes = PARENT_TIMES } = this.#parts;
    const requestedMs = nowMs();
    const purge = this.#parts.purged();
    let well = false;
    ask.turn?.hold();
    try {
      const response = await origins.fetch({
        ...at,
        ...{ method: ask.method, path: `${TIER_PATH}${ask.path}` },
        fields: o.fields,
        ...{ body: null, bodyBytes: null },
        ...{ headMs: parentTimes.headMs, silentMs: SILENT_MS },
        onEnd: () => {
          ask.turn?.give();
          this.#left(id, ask);
        },
      });
      const told = readTierTold(response.tier);
      const made = told?.made;
      if (told === null || (made !== undefined && !FINAL.has(made))) {
        await response.body?.cancel().catch(() => {});
        // What blames the request says nothing of the parent: no client can make it be left alone.
        const blames = told === null && (response.status < 500 || response.status === 508);
        if (!blames) this.#leaveAlone(id, ask, "failed");
        return "failed";
      }
      well = true;
      if (made !== undefined) {
        await response.body?.cancel().catch(() => {});
        return refusals[made as keyof typeof refusals];
      }
      return await this.#fetched(ask, { response, told, requestedMs, purge, origin: id });
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      well = fault.code === "bad-input";
      if (well) return refusals.badField;
      this.#leaveAlone(id, ask, fault.code === "origin-refused" ? "refused" : "failed");
      return "failed";
    } finally {
      counts.askedParent(id, well);
    }
  }

  async #fetched(
    ask: Ask,
    o: {
      readonly response: OriginResponse;
      readonly told: TierTold;
      readonly requestedMs: number;
      readonly purge: number;
      readonly origin: string;
    },
  ): Promise<Fetched | "outdated"> {
    const { told, response, requestedMs, origin } = o;
    const receivedMs = this.#parts.nowMs();
    const { customer, hostname: site } = ask.entry;
    const { fields } = response;
    // What ended here by a web server's word it may not know of: it counts as from before all of that.
    const known = { purge: Math.min(o.purge, told.purge), groupEnds: 0 };
    const judged = { customer, site, path: ask.path, fields, receivedMs, ...known };
    if (this.#parts.banned(judged) !== null) {
      await response.body?.cancel().catch(() => {});
      return "outdated";
    }
    const alone = told.alone === true ? { unsure: true as const } : {};
    return { response, requestedMs, receivedMs, ...known, origin, tier: told, ...alone };
  }

  #fields(
    ask: Ask,
    o: {
      readonly sending: Sending;
      readonly secret: Uint8Array;
      readonly from: readonly string[];
    },
  ): Fields {
    const { node, tierKeys, purgeBegun, nowMs } = this.#parts;
    const fields = fieldsToSend(ask, { sending: o.sending, shown: { field: null }, node });
    const mark = writeTierMark(
      {
        ...{ atMs: nowMs(), from: o.from, purge: purgeBegun(), client: ask.client },
        ...{ scheme: schemeOf(ask), ...rulesOf(ask) },
      },
      {
        ...{ method: ask.method, path: ask.path },
        ...{ customer: ask.entry.customer, host: ask.entry.hostname },
      },
      { secret: o.secret, hmac: tierKeys.hmac },
    );
    const own = fields.filter(([name]) => !OF_CACHES.has(name) || name === "host");
    return [...own, [TIER_FIELD, mark]];
  }
}

function forSite(id: string, { entry }: Ask): string {
  return `${id} ${entry.hostname}`;
}

type ParentPlace = { readonly id: string } & Pick<
  OriginRequest,
  "scheme" | "address" | "port" | "hostname" | "identity" | "tls"
>;

/** Where it listens for other caches: by TLS it has to show what any of us shows for `c.<zone>`. */
function placeOf(snapshot: Snapshot, { id, v4, v6, port }: Choice): ParentPlace {
  const { tiers, zone, ports } = snapshot;
  const common = { id, address: v4 ?? v6 ?? "", hostname: `c.${zone}`, identity: id };
  if (tiers?.tls !== true) return { ...common, scheme: "http", port };
  const { ca } = tiers;
  const tls = ca === undefined ? {} : { tls: { ca } };
  // Connections that other authorities vouched for are not used again.
  const identity = `${id} ${hash32(ca ?? "")}`;
  return { ...common, identity, scheme: "https", port: ports.https, ...tls };
}

function rulesOf({ tier, ruled, get }: Ask) {
  if (tier !== undefined) return { rules: tier.mark.rules, parts: tier.mark.parts };
  if (ruled === null) return { rules: "", parts: [] };
  return { rules: ruled.plan.name, parts: keyParts(ruled.plan).map((name) => get(name)) };
}
