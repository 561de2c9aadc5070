import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { ChangedOfSite } from "../../model/changed.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import type { WhyNot } from "../../model/why-not.ts";
import {
  ageMs,
  isFresh,
  mayServeOnError,
  mayServeWhileRevalidating,
  type OwnReason,
  ownReasons,
} from "../../policy/caching/mod.ts";
import type { View } from "../../policy/steering/mod.ts";
import { type CacheStatus, type Hashes, writeCacheStatus } from "../../wire/http/mod.ts";
import type { Cache, ObjectMeta } from "../cache/mod.ts";
import { type Ask, detached } from "./ask.ts";
import { Holding } from "./body.ts";
import { BusyPorts } from "./busy-ports.ts";
import type { FindChallenge } from "./challenge.ts";
import type { EdgeCounts } from "./count.ts";
import type { Words } from "./crew.ts";
import { count, countBytes } from "./deliver.ts";
import { Fetcher, type Place } from "./fetch.ts";
import type { Fetched, Sending } from "./fetched.ts";
import { Flights } from "./flight.ts";
import type { Prepared } from "./head.ts";
import { cacheRequestOf } from "./meta.ts";
import type { OriginClient } from "./origin.ts";
import type { Judged, ParentTimes, Where } from "./parents.ts";
import { Parts } from "./parts.ts";
import { fetchOf } from "./pool.ts";
import { type Refusal, refusals, refuse } from "./refuse.ts";
import type { Keeper } from "./relay.ts";
import type { Signatures } from "./rules.ts";
import type { Encode } from "./rules-table.ts";
import { Slices } from "./slices.ts";
import type { EdgeTable } from "./table.ts";
import type { TierKeys } from "./tier.ts";
import { Turns } from "./turns.ts";

/** What the edge gives its server. */
export interface ServeParts {
  readonly node: string;
  readonly cache: Cache<Prepared>;
  readonly origins: OriginClient;
  readonly counts: EdgeCounts;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Null until a first snapshot is known. */
  readonly table: () => EdgeTable | null;
  readonly view: () => View | null;
  /** True while purges may have been missed: everything is validated before it is served. */
  readonly behind: () => boolean;
  /** What is asked of this cache itself, beside its health; null where there is no answer. */
  readonly beacon: (
    path: string,
    request: Request,
    client: string,
  ) => Response | Promise<Response> | null;
  /** What authorities are to find at names under order; nothing where it is left out. */
  readonly challenges?: FindChallenge;
  readonly purgeAsked: AnswerPurge;
  /** By which addresses are signed. */
  readonly signatures: Signatures;
  /** Called where an object would be sent in a coding in which it is not held. */
  readonly encode: Encode;
  /** The number of the last purge that was applied. */
  readonly purged: () => number;
  /** How many times cache groups have been ended by answers of web servers. */
  readonly groupEnds: () => number;
  /** Ends cache groups of a site; resolves when nothing stored of them comes back after a crash. */
  readonly endGroups: (
    of: { readonly customer: string; readonly site: string },
    groups: readonly string[],
  ) => Promise<void>;
  /** Tells the other caches. */
  readonly tellChanged: (of: ChangedOfSite) => void;
  /** What purges of more than one URL say of what is stored. */
  readonly banned: (meta: Judged) => "hard" | "soft" | null;
  /** Opens what is asked for between client and server; without it no WebSocket goes through. */
  readonly webSockets?: { open(ask: Ask, o: OpenSocket): Promise<Response | Refusal> };
  /** What we show to web servers. */
  readonly credentials: FindCredential;
  /** By which requests to stores are signed. */
  readonly hashes: Hashes;
  /** Exchanges of all customers together with web servers; the preset where it is left out. */
  readonly exchangesMax?: number;
  /** By which caches of this network know each other. */
  readonly tierKeys: TierKeys;
  /** The last purge that is applied or being applied. */
  readonly purgeBegun: () => number;
  /** How parents are waited for; the presets where it is left out. */
  readonly parentTimes?: ParentTimes;
  /** Of a worker: whom it asks for what it does not hold. */
  readonly keeper?: Keeper;
  /** What all processes of this node look at. */
  readonly words?: Words;
}

/** What a WebSocket needs of the steps. */
export interface OpenSocket {
  /** Places at servers, one after the other, the least loaded first; null after the last. */
  readonly next: () => Promise<Place | Refusal | null>;
  readonly connection: Connection;
}

/** The method PURGE; null where it is not one of somebody who may use it. */
export type AnswerPurge = (
  request: Request,
  table: EdgeTable,
  client: string,
) => Promise<Response> | null;

/** What the listener knows of a request's connection. */
export interface Connection {
  /** What a request came over; left out: HTTP/1.1 or HTTP/2. */
  readonly over?: "h3";
  /** Where it came to. */
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  requestIP(request: Request): { readonly address: string; readonly port?: number } | null;
  timeout(request: Request, seconds: number): void;
}

/** What all steps work with: the two tiers, the fetches under way, and what may be served at present. */
export class Works {
  readonly node: string;
  readonly cache: Cache<Prepared>;
  readonly clock: Clock;
  readonly flights = new Flights();
  readonly busy = { http: new BusyPorts(), https: new BusyPorts() };
  readonly #turns = new Turns();
  readonly holding: Holding;
  readonly heldParts: Parts;
  readonly slices: Slices;
  readonly #parts: ServeParts;
  readonly #fetcher: Fetcher;

  constructor(parts: ServeParts) {
    this.#parts = parts;
    this.node = parts.node;
    this.cache = parts.cache;
    this.clock = parts.clock;
    this.holding = new Holding(Math.floor(parts.cache.memory.bytesMax / 4));
    this.#fetcher = new Fetcher({ ...parts, nowMs: () => this.nowMs() });
    this.heldParts = new Parts({
      ...{ cache: parts.cache, banned: parts.banned },
      generation: () => parts.rng.float().toString(36).slice(2) + this.nowMs().toString(36),
    });
    this.slices = new Slices({
      ...{ cache: parts.cache, parts: this.heldParts },
      fetch: (ask, o) => this.fetch(ask, { ...o, shared: true }),
    });
  }

  nowMs(): number {
    return this.clock.wallMs();
  }

  /** Age of a stored response at present, ms. */
  ageOf(meta: ObjectMeta): number {
    return ageMs(meta.freshness, meta.receivedMs, this.nowMs());
  }

  /** Is what comes for it known to be for it alone, or for all that say of themselves what it says? */
  isPrivate(ask: Ask): boolean {
    const nowMs = this.clock.monoMs();
    const own = ownReasons(cacheRequestOf(ask)).map((reason) => privateName(ask, reason));
    return [ask.flight, ...own].some((name) => this.flights.isPrivate(name, nowMs));
  }

  /** What came is not to be shared: with anybody, or with who says what this request says (`own`). */
  notePrivate(ask: Ask, own: OwnReason | null): void {
    const name = own === null ? ask.flight : privateName(ask, own);
    this.flights.notePrivate(name, this.clock.monoMs());
  }

  /** Bytes of the largest body of this site that is kept. */
  bytesMaxOf({ entry }: Ask): number {
    return Math.min(entry.site.objectBytesMax, this.cache.disk.objectBytesMax);
  }

  /** True while purges may have been missed. */
  isBehind(): boolean {
    return this.#parts.behind();
  }

  isBanned(meta: ObjectMeta): boolean {
    return this.#parts.banned(meta) === "hard";
  }

  isFresh(meta: ObjectMeta): boolean {
    if (this.#parts.banned(meta) !== null) return false;
    return isFresh(meta.freshness, this.ageOf(meta)) && !this.#parts.behind();
  }

  /** Why what is held and not fresh is not served as it is. */
  whyStale(meta: ObjectMeta): WhyNot {
    if (meta.freshness.alwaysValidate) return "validate";
    if (meta.freshness.lifetimeMs <= this.ageOf(meta)) return "stale";
    return this.isBehind() ? "behind" : "purged";
  }

  /** Not after a soft purge: that promises that its servers are asked first. */
  mayRevalidateLater(meta: ObjectMeta): boolean {
    if (this.#parts.behind() || meta.freshness.alwaysValidate) return false;
    if (this.#parts.banned(meta) !== null) return false;
    return mayServeWhileRevalidating(meta.freshness, this.ageOf(meta));
  }

  /** @param answered whether an origin answered at all, with an error then */
  mayServeStale(meta: ObjectMeta, answered: boolean): boolean {
    if (this.#parts.behind()) return false;
    return mayServeOnError(meta.freshness, this.ageOf(meta), answered);
  }

  /**
   * The step `fetch`: each answer of an origin comes through here, whoever asked for it. It is judged
   * and stored in the origin's own words: the edits of rules are made when it is sent on. Who has
   * others wait for it has taken its turn before.
   */
  async fetch(ask: Ask, o: Omit<Sending, "cdnId">): Promise<Fetched | Refusal> {
    const view = this.#parts.view();
    if (view === null) return refusals.noSnapshot;
    const { turn } = ask;
    if (turn !== undefined && !turn.takeNow() && !(await turn.take())) return refusals.greedy;
    try {
      return await this.#fetcher.fetch(ask, view, { ...o, cdnId: view.snapshot.zone });
    } finally {
      turn?.give();
    }
  }

  /** Where a request comes from, and its turn; nothing where that is another cache, or not known. */
  turnOf({ tier, request }: Ask, connection: Connection): Pick<Ask, "clientPort" | "turn"> {
    const from = tier === undefined ? connection.requestIP(request) : null;
    if (from?.port === undefined) return {};
    return { clientPort: from.port, turn: this.#turns.of(`${from.address} ${from.port}`) };
  }

  /** A request that is not answered at once is under way; returns what is to be called at its end. */
  underWay(request: Request, connection: Connection): () => void {
    // Nobody watches the others.
    const { port } = (connection.over !== "h3" && connection.requestIP(request)) || {};
    if (port === undefined) return () => {};
    const busy = request.url.startsWith("https:") ? this.busy.https : this.busy.http;
    return busy.enter(port, request.method !== "GET" && request.method !== "HEAD");
  }

  /** What is done once its client has been served, unless somebody fetches it already. */
  later(ask: Ask, act: (alone: Ask) => Promise<void>): void {
    if (this.flights.of(ask.flight) !== undefined) return;
    const alone = detached(ask);
    // A connection that asks for so much already has this done by the next that asks.
    if (alone.turn?.takeNow() === false) return;
    const done = act(alone).finally(() => alone.turn?.give());
    done.catch((fault: unknown) => this.#parts.log.error("A bug, behind an answer", { fault }));
  }

  /** Names of the caches that would be asked for it before its web servers, in order. */
  parentsOf(ask: Ask): readonly string[] {
    const view = this.#parts.view();
    return view === null ? [] : this.#fetcher.parentsOf(ask, view);
  }

  /** An unsafe request changed what this key names: no parent is asked for it for a while. */
  changed(customer: string, key: string, where: Where): void {
    this.#fetcher.changed(customer, key, where);
  }

  /** What an unsafe method through here outdated is told to the other caches. */
  tellChanged(of: ChangedOfSite): void {
    if (of.paths.length > 0 || of.groups.length > 0) this.#parts.tellChanged(of);
  }

  /** True where the cache that asks has applied purges that this one has not. */
  isBehindOf({ tier }: Ask): boolean {
    return tier !== undefined && this.#parts.purged() < tier.mark.purge;
  }

  /** The step `upgrade`: a WebSocket, at the first server that takes it. */
  async upgrade(ask: Ask, connection: Connection): Promise<Response> {
    const { webSockets } = this.#parts;
    assert(webSockets !== undefined, "Only a cache that opens WebSockets is asked for one");
    const asked = new Set<string>();
    const next = async () => {
      if (asked.size >= fetchOf(ask.entry.site).attempts) return null;
      const { keeper } = this.#parts;
      const place = await (keeper === undefined
        ? this.place(ask, asked)
        : keeper.place(ask, asked));
      if (place !== null && "choice" in place) asked.add(place.choice.id);
      return place;
    };
    const opened = await webSockets.open(ask, { next, connection });
    if ("words" in opened) return this.refused(ask, opened);
    count(ask, "pass", "web-socket");
    return opened;
  }

  /** A place at the next server that was not asked yet. Null: there is none. */
  async place(ask: Ask, asked: ReadonlySet<string>): Promise<Place | Refusal | null> {
    const view = this.#parts.view();
    if (view === null) return refusals.noSnapshot;
    return this.#fetcher.place(ask, view, { asked, cdnId: view.snapshot.zone });
  }

  /** True where a request is to become a WebSocket: the site asks for it, at its own name. */
  isUpgrade({ form, entry, request }: Ask): boolean {
    if (entry.site.fetch?.webSockets !== true || form !== "first") return false;
    if (this.#parts.webSockets === undefined || request.method !== "GET") return false;
    return request.headers.get("upgrade")?.toLowerCase() === "websocket";
  }

  /** Applies a purge; resolves when neither tier, nor anything under way, can serve the old object. */
  async purge(key: string): Promise<void> {
    this.flights.purge(key);
    await Promise.all([this.cache.purge(key), this.heldParts.forget(key)]);
  }

  /** What a web server said that its answer to an unsafe method outdates (RFC 9875 3). */
  async endGroups(
    of: { readonly customer: string; readonly site: string },
    groups: readonly string[],
  ): Promise<void> {
    if (groups.length > 0) await this.#parts.endGroups(of, groups);
  }

  /**
   * The answer where no origin gave one.
   *
   * @param fwd why one was asked to read, where more is known of that than that it is not held
   */
  refused(ask: Ask, refusal: Refusal, fwd: CacheStatus["fwd"] = "uri-miss"): Response {
    count(ask, "error", "no-answer");
    if (ask.tier !== undefined) {
      const made = Object.entries(refusals).find(([, one]) => one === refusal)?.[0];
      if (made !== undefined) ask.tier.told = { purge: 0, heldMs: 0, made };
    }
    const reads = ask.method === "GET" || ask.method === "HEAD";
    const why = { fwd: reads ? fwd : "method", detail: "no-answer" } as const;
    const response = refuse(refusal, this.node, writeCacheStatus({ cache: this.node, ...why }));
    countBytes(ask, ask.method === "HEAD" ? 0 : refusal.words.length + 1);
    return response;
  }
}

/** No key has a line end. */
function privateName(ask: Ask, reason: OwnReason): string {
  return `${ask.flight}\n${reason}`;
}
